//! A log as Keyledger writes it, and what is found when it is damaged in one place.

use std::collections::BTreeSet;

use events::Fingerprint;
use events::digest::{DigestBytes, DigestKind, KeyDigest};
use events::installation::{Bootstrapped, InstallationEvent};
use events::key::{Disabled, Enabled, Environment, Issued, KeyEvent, KeyOwner, Revoked};
use events::organization::{Created, OrganizationEvent};
use events::sealed::SealedBytes;
use events::server::{Registered, ServerEvent};
use events::slug::{Reserved, SlugEvent, SlugKind};
use events::{
    Actor, CommandId, Draft, EventId, InstallationId, KeyId, OrganizationId, Owner, PepperId, SealedText,
    SealingKeyId, SecretId, ServerId, Shard, SignerId, SigningKey, Slug, Subject, Timestamp,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;

mod checkpoints;

fn uuid(number: u64) -> Uuid {
    Uuid::from_u128(0x019a_a000_0000_7000_8000_0000_0000_0000 + u128::from(number))
}

fn organization() -> OrganizationId {
    OrganizationId::new(uuid(1))
}

fn server() -> ServerId {
    ServerId::new(uuid(2))
}

fn key(number: u64) -> Subject {
    Subject::key(Owner::Organization(organization()), KeyId::new(uuid(number)))
}

fn slug(text: &str) -> Slug {
    text.parse().unwrap()
}

fn text() -> SealedText {
    SealedText {
        key: SealingKeyId::new(uuid(3)),
        nonce: SealedBytes(vec![1; 12]),
        ciphertext: SealedBytes(vec![2; 24]),
    }
}

fn log() -> LogId {
    LogId::new(uuid(101))
}

/// A message that follows these, and what its command is called.
fn message(before: &[Stored], sequence: u64, command: u64, subject: Subject, event: Event) -> Stored {
    let on = subject.to_string();
    let previous = before.iter().rev().find(|stored| stored.subject == on);
    let previous = previous.map(|stored| EventId::new(uuid(100 + stored.sequence)));
    let time = Timestamp::from_unix_millis(1_800_000_000_000 + i64::try_from(sequence).unwrap()).unwrap();
    let draft = Draft {
        id: EventId::new(uuid(100 + sequence)),
        log: log(),
        time,
        subject,
        previous,
        actor: Actor::bootstrap(),
        command: CommandId::new(uuid(10_000 + command)),
        fingerprint: Fingerprint([7; 32]),
        causation: None,
        event,
    };
    let payload = draft.signed(&writer()).unwrap().payload().clone();
    Stored { sequence, subject: on, stored_at: time, payload }
}

/// Signs all events: the key that the first one publishes.
fn writer() -> SigningKey {
    SigningKey::from_seed(SignerId::new(uuid(7)), &[7; 32]).unwrap()
}

fn bootstrapped() -> Bootstrapped {
    let checkpoint = SigningKey::from_seed(SignerId::new(uuid(8)), &[8; 32]).unwrap().public();
    let (admin_key, pepper) = (KeyId::new(uuid(6)), PepperId::new(uuid(5)));
    Bootstrapped { admin_key, pepper, writer: writer().public(), checkpoint }
}

fn reserved(kind: SlugKind, name: &str, object: events::AggregateId) -> Event {
    Event::Slug(SlugEvent::Reserved(Reserved { kind, slug: slug(name), object }))
}

fn issued(byte: u8) -> Event {
    Event::Key(KeyEvent::Issued(Issued {
        secret_id: SecretId::new(uuid(60)),
        digest: KeyDigest {
            kind: DigestKind::Native,
            pepper: PepperId::new(uuid(5)),
            bytes: DigestBytes([byte; 32]),
        },
        prefix: "kl_live".to_owned(),
        last_four: "3fZk".to_owned(),
        owner: KeyOwner::Organization,
        environment: Environment::Live,
        not_before: None,
        expires_at: None,
        scopes: "mcp:tools".parse().unwrap(),
        issued_by: Actor::bootstrap(),
        name: text(),
        metadata: None,
    }))
}

/// Installation, organization, server, two keys, of which one is disabled and enabled, the other revoked.
fn good() -> Vec<Stored> {
    let owner = Owner::Organization(organization());
    let installation = Subject::installation(InstallationId::new(uuid(4)));
    let bootstrapped = bootstrapped();
    let created = Created { slug: slug("acme"), name: text(), home_shard: Shard::ZERO };
    let registered = Registered {
        slug: slug("tools"),
        upstream: "https://tools.example.com/mcp".parse().unwrap(),
        enabled: true,
        name: text(),
        settings: events::server::UpstreamSettings::default(),
    };
    let organization_name = Subject::slug(Owner::Installation, SlugKind::Organization, &slug("acme"));
    let server_name = Subject::slug(owner, SlugKind::Server, &slug("tools"));
    let all = [
        (1, installation, Event::Installation(InstallationEvent::Bootstrapped(bootstrapped))),
        (2, organization_name, reserved(SlugKind::Organization, "acme", organization().into())),
        (2, Subject::organization(organization()), Event::Organization(OrganizationEvent::Created(created))),
        (3, server_name, reserved(SlugKind::Server, "tools", server().into())),
        (3, Subject::server(organization(), server()), Event::Server(ServerEvent::Registered(registered))),
        (4, key(50), issued(1)),
        (5, key(51), issued(2)),
        (6, key(50), Event::Key(KeyEvent::Disabled(Disabled { reason: None }))),
        (7, key(50), Event::Key(KeyEvent::Enabled(Enabled {}))),
        (8, key(51), Event::Key(KeyEvent::Revoked(Revoked { reason: Some(text()) }))),
    ];
    let mut messages = Vec::new();
    for (sequence, (command, subject, event)) in (1..).zip(all) {
        messages.push(message(&messages, sequence, command, subject, event));
    }
    messages
}

fn verify(messages: &[Stored], last: u64) -> Report {
    let mut verifier = Verifier::new(log(), Vec::new());
    messages.iter().for_each(|message| drop(verifier.take(message)));
    verifier.end(last)
}

/// The findings of a good log in which one message is another one, which a writer signed: check and sequence.
fn damaged(sequence: usize, change: impl FnOnce(&mut Value)) -> Vec<(Check, u64)> {
    let mut messages = good();
    let message = &mut messages[sequence - 1];
    let mut payload: Value = serde_json::from_slice(&message.payload).unwrap();
    change(&mut payload);
    payload.as_object_mut().unwrap().remove("signature");
    let members = payload.to_string().into_bytes();
    message.payload = events::signature::sign(&message.subject, members, &writer()).into();
    found(&messages)
}

/// The same where somebody changed the text, and could not sign it.
fn edited(sequence: usize, from: &str, to: &str) -> Vec<(Check, u64)> {
    let mut messages = good();
    let text = String::from_utf8(messages[sequence - 1].payload.to_vec()).unwrap();
    assert!(text.contains(from), "{text}");
    messages[sequence - 1].payload = text.replace(from, to).into();
    found(&messages)
}

fn found(messages: &[Stored]) -> Vec<(Check, u64)> {
    let report = verify(messages, 10.max(messages.last().unwrap().sequence));
    assert_eq!(report.good, report.findings.is_empty());
    report.findings.iter().map(|finding| (finding.check, finding.sequence)).collect()
}

#[test]
fn a_log_as_it_is_written_is_good() {
    let report = verify(&good(), 10);
    assert!(report.good, "{:?}", report.findings);
    assert_eq!((report.messages, report.aggregates), (10, 7));
}

#[test]
fn what_is_missing_is_found_in_the_middle_and_at_the_end() {
    let mut messages = good();
    messages.drain(7..9);
    assert_eq!(found(&messages), [(Check::Sequence, 8)]);
    let report = verify(&good()[..9], 10);
    assert_eq!(report.findings[0].check, Check::Sequence);
    assert_eq!(report.findings[0].sequence, 10);
}

#[test]
fn a_message_that_is_not_ours_is_found() {
    let mut messages = good();
    messages[9].payload = "nonsense".into();
    assert_eq!(found(&messages), [(Check::Envelope, 10)]);
}

/// What a newer version may write: each is told, and none is taken for somebody else's message.
#[test]
fn an_envelope_with_a_member_of_an_unknown_form_is_found() {
    /// What makes it somebody else's, or nobody's.
    const OTHERS: [&str; 3] = ["source", "writer", "signature"];
    let members: Value = serde_json::from_slice(&good()[9].payload).unwrap();
    for member in members.as_object().unwrap().keys().filter(|member| !OTHERS.contains(&member.as_str())) {
        let unknown = json!([{ "of": "an unknown form" }]);
        let found = damaged(10, |it| it[member] = unknown);
        assert_eq!(found, [(Check::Schema, 10)], "{member}");
    }
    assert_eq!(damaged(10, |it| it["actor"] = json!("robot:7")), [(Check::Schema, 10)]);
    assert_eq!(damaged(10, |it| it["shard"] = json!("1")), [(Check::Schema, 10)]);
}

#[test]
fn an_event_of_another_log_is_found() {
    let other = format!("urn:keyledger:log:{}", uuid(999));
    assert_eq!(damaged(10, |it| it["source"] = json!(other)), [(Check::Identity, 10)]);
    let mut messages = good();
    let second = bootstrapped();
    let subject = Subject::installation(InstallationId::new(uuid(44)));
    let event = Event::Installation(InstallationEvent::Bootstrapped(second));
    messages.push(message(&messages, 11, 11, subject, event));
    assert_eq!(found(&messages), [(Check::Identity, 11)]);
}

#[test]
fn an_event_on_another_subject_is_found() {
    let mut messages = good();
    messages[9].subject = key(50).to_string();
    assert_eq!(found(&messages), [(Check::Subject, 10)]);
    // An installation's key on an organization's subject.
    assert_eq!(damaged(7, |it| it["data"]["owner"] = json!({"kind": "installation"})), [(Check::Subject, 7)]);
    let mut messages = good();
    messages.push(message(
        &messages,
        11,
        11,
        key(50),
        Event::Server(ServerEvent::Removed(events::server::Removed { reason: None })),
    ));
    assert_eq!(found(&messages), [(Check::Subject, 11)]);
}

#[test]
fn kinds_and_versions_of_others_are_found_and_what_follows_them_is_not_judged() {
    let of_another = |kind: &str, version: u32| {
        damaged(7, |it| {
            it["type"] = json!(kind);
            it["schemaversion"] = json!(version);
            it["dataschema"] = json!(events::envelope::data_schema(kind, version));
        })
    };
    assert_eq!(of_another("key.issued", 2), [(Check::Version, 7)]);
    assert_eq!(of_another("key.painted", 1), [(Check::Version, 7)]);
}

#[test]
fn data_that_its_schema_refuses_is_found() {
    assert_eq!(damaged(9, |it| it["data"] = json!([])), [(Check::Schema, 9)]);
    assert_eq!(damaged(7, |it| it["data"]["scopes"] = json!("not a scope")), [(Check::Schema, 7)]);
    assert_eq!(damaged(7, |it| it["data"]["digest"]["bytes"] = json!("c2hvcnQ")), [(Check::Schema, 7)]);
    // Additions are none of an auditor's business.
    assert_eq!(damaged(9, |it| it["data"]["added_later"] = json!(true)), []);
}

#[test]
fn what_no_writer_signed_is_found() {
    assert_eq!(edited(6, "mcp:tools", "mcp:*"), [(Check::Signature, 6)]);
    // A revocation that becomes something harmless.
    assert_eq!(edited(10, "key.revoked", "key.enabled"), [(Check::Signature, 10)]);
    assert_eq!(edited(10, "system:bootstrap", "system:operator"), [(Check::Signature, 10)]);
    assert_eq!(edited(10, &writer().id().to_string(), &uuid(9).to_string()), [(Check::Signature, 10)]);
    assert_eq!(edited(10, ",\"writer\"", ",\"author\""), [(Check::Signature, 10)]);
    assert_eq!(edited(10, ",\"signature\"", ",\"sign\""), [(Check::Signature, 10)]);
    // Another event's signature.
    let mut messages = good();
    let signature = |payload: &[u8]| payload[payload.len() - 102..].to_vec();
    let other = signature(&messages[8].payload);
    let mut payload = messages[9].payload.to_vec();
    payload.truncate(payload.len() - 102);
    payload.extend(other);
    messages[9].payload = payload.into();
    assert_eq!(found(&messages), [(Check::Signature, 10)]);
}

#[test]
fn time_that_goes_back_is_found_within_an_aggregate_alone() {
    assert_eq!(damaged(9, |it| it["time"] = json!("2020-01-01T00:00:00.000Z")), [(Check::Order, 9)]);
    assert_eq!(damaged(7, |it| it["time"] = json!("2020-01-01T00:00:00.000Z")), []);
}

/// A true event that is stored once more, and one that a writer signed and that comes late.
#[test]
fn an_event_that_follows_another_than_it_says_is_found_and_what_follows_it_is_not_judged() {
    let mut messages = good();
    let enabled = Stored { sequence: 12, ..messages[8].clone() };
    let disable = Event::Key(KeyEvent::Disabled(Disabled { reason: None }));
    messages.push(message(&messages, 11, 9, key(50), disable.clone()));
    messages.push(enabled);
    // Its time goes back as well.
    let expected = [Check::Order, Check::Duplicate, Check::Duplicate, Check::Order].map(|check| (check, 12));
    assert_eq!(found(&messages), expected);
    messages.push(message(&messages, 13, 10, key(50), disable.clone()));
    assert_eq!(found(&messages), expected);

    let mut messages = good();
    let late = message(&messages, 12, 11, key(50), disable.clone());
    messages.push(message(&messages, 11, 9, key(50), disable));
    messages.push(late);
    assert_eq!(found(&messages), [(Check::Order, 12)]);
}

#[test]
fn an_event_or_a_command_that_comes_again_is_found() {
    let (event, command) = (uuid(106), uuid(10_004));
    assert_eq!(damaged(10, |it| it["id"] = json!(event)), [(Check::Duplicate, 10)]);
    assert_eq!(damaged(10, |it| it["commandid"] = json!(command)), [(Check::Duplicate, 10)]);
    // One command that changes two aggregates.
    assert_eq!(damaged(7, |it| it["commandid"] = json!(command)), [(Check::Duplicate, 7)]);
}

#[test]
fn names_without_their_objects_and_objects_without_their_names_are_found() {
    let mut messages = good();
    messages.remove(3);
    assert_eq!(found(&messages), [(Check::Sequence, 4), (Check::Reservation, 5)]);
    assert_eq!(
        damaged(4, |it| it["data"]["object"] = json!(uuid(77))),
        [(Check::Reservation, 5), (Check::Reservation, 4)]
    );
    // Not next to it: by another command.
    assert_eq!(
        damaged(4, |it| it["commandid"] = json!(uuid(88_888))),
        [(Check::Reservation, 4), (Check::Reservation, 5)]
    );
    let mut messages = good();
    let name = Subject::slug(Owner::Organization(organization()), SlugKind::Server, &slug("tools"));
    messages.push(message(
        &messages,
        11,
        11,
        name,
        reserved(SlugKind::Server, "tools", ServerId::new(uuid(9)).into()),
    ));
    assert_eq!(found(&messages), [(Check::Reservation, 11), (Check::Reservation, 11)]);
    // A name on another's subject.
    let found: BTreeSet<_> = damaged(4, |it| it["data"]["slug"] = json!("tolls")).into_iter().collect();
    assert!(found.contains(&(Check::Subject, 4)), "{found:?}");
}

#[test]
fn events_that_no_decision_makes_are_found() {
    for (subject, event) in [
        // A second issue; a change of what was never issued; a key that comes back.
        (key(50), issued(9)),
        (key(52), Event::Key(KeyEvent::Disabled(Disabled { reason: None }))),
        (key(51), Event::Key(KeyEvent::Enabled(Enabled {}))),
    ] {
        let mut messages = good();
        messages.push(message(&messages, 11, 11, subject, event));
        assert_eq!(found(&messages), [(Check::Replay, 11)]);
    }
    let mut messages = good();
    let stranger = Owner::Organization(OrganizationId::new(uuid(70)));
    messages.push(message(&messages, 11, 11, Subject::key(stranger, KeyId::new(uuid(53))), issued(9)));
    assert_eq!(found(&messages), [(Check::Replay, 11)]);
}

#[test]
fn digests_that_keyledger_does_not_make_are_found() {
    let empty = DigestBytes([0; 32]).to_string();
    assert_eq!(damaged(7, |it| it["data"]["digest"]["bytes"] = json!(empty)), [(Check::Secret, 7)]);
    let same = DigestBytes([1; 32]).to_string();
    assert_eq!(damaged(7, |it| it["data"]["digest"]["bytes"] = json!(same)), [(Check::Secret, 7)]);
    assert_eq!(damaged(7, |it| it["data"]["last_four"] = json!("abcde")), [(Check::Secret, 7)]);
    assert_eq!(damaged(7, |it| it["data"]["prefix"] = json!("No Prefix")), [(Check::Secret, 7)]);
}

#[test]
fn what_is_told_is_bounded_and_all_is_counted() {
    let count = TOLD_AT_MOST as u64 + 500;
    let nonsense = |sequence| Stored {
        sequence,
        subject: "kl.events.0.x".repeat(100),
        stored_at: Timestamp::UNIX_EPOCH,
        payload: "{".into(),
    };
    let messages: Vec<_> = (1..=count).map(nonsense).collect();
    let report = verify(&messages, count);
    assert_eq!((report.total(), report.findings.len()), (count, TOLD_AT_MOST));
    assert!(report.findings[0].subject.as_ref().unwrap().len() <= 300);
}
