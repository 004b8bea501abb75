use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::id::{KeyId, OrganizationId};
use crate::key::{Enabled, KeyEvent};
use crate::position::Shard;
use crate::subject::{AggregateType, Owner};

fn draft() -> Draft {
    Draft {
        id: EventId::new(Uuid::from_u128(2)),
        log: LogId::new(Uuid::from_u128(1)),
        time: Timestamp::UNIX_EPOCH,
        subject: Subject::key(
            Owner::Organization(OrganizationId::new(Uuid::from_u128(3))),
            KeyId::new(Uuid::from_u128(4)),
        ),
        previous: Some(EventId::new(Uuid::from_u128(9))),
        actor: Actor::bootstrap(),
        command: CommandId::new(Uuid::from_u128(5)),
        fingerprint: Fingerprint([6; 32]),
        causation: Some(EventId::new(Uuid::from_u128(7))),
        event: Event::Key(KeyEvent::Enabled(Enabled {})),
    }
}

fn writer() -> SigningKey {
    SigningKey::from_seed(SignerId::new(Uuid::from_u128(8)), &[8; 32]).unwrap()
}

fn payload(draft: Draft) -> Vec<u8> {
    draft.signed(&writer()).unwrap().payload().to_vec()
}

fn stored(payload: impl Into<Vec<u8>>) -> Stored {
    Stored {
        sequence: 9,
        subject: draft().subject.to_string(),
        stored_at: Timestamp::UNIX_EPOCH,
        payload: payload.into().into(),
    }
}

fn json() -> Value {
    serde_json::from_slice(&payload(draft())).unwrap()
}

/// The draft with one member set, or taken out (`null`).
fn with(member: &str, value: Value) -> Stored {
    let mut json = json();
    let members = json.as_object_mut().unwrap();
    if value.is_null() {
        members.remove(member).unwrap();
    } else {
        members.insert(member.to_owned(), value);
    }
    if let (Some(kind), Some(version)) = (json["type"].as_str(), json["schemaversion"].as_u64())
        && ["type", "schemaversion"].contains(&member)
    {
        json["dataschema"] = json!(format!("urn:keyledger:schema:{kind}:{version}"));
    }
    stored(json.to_string())
}

fn read_in_log(stored: &Stored) -> Read {
    read(stored, Some(draft().log))
}

fn foreign(stored: &Stored) -> ForeignReason {
    let Read::Foreign(foreign) = read_in_log(stored) else { panic!("not foreign") };
    foreign.reason
}

fn unreadable(stored: &Stored) -> UnreadableReason {
    let Read::Unreadable(event) = read_in_log(stored) else { panic!("readable, or foreign") };
    event.reason
}

#[test]
fn an_event_is_read_back_as_it_was_drafted() {
    let stored = stored(payload(draft()));
    let Read::Event(event) = read_in_log(&stored) else { panic!("an event") };
    let position = Position { log: draft().log, shard: Shard::ZERO, sequence: 9 };
    assert_eq!(*event, draft().recorded(writer().id(), position, Timestamp::UNIX_EPOCH));
}

#[test]
fn it_is_a_cloud_event() {
    // CloudEvents 1.0 §3.1: these are required; extension names are lower-case letters and digits.
    let json = json();
    for member in ["specversion", "id", "source", "type"] {
        assert!(json[member].is_string(), "{member}");
    }
    assert!(json.as_object().unwrap().keys().all(|name| name.bytes().all(|b| b.is_ascii_lowercase())));
    assert_eq!(json["subject"], draft().subject.to_string());
    assert_eq!(json["dataschema"], "urn:keyledger:schema:key.enabled:1");
    assert_eq!(json["source"], "urn:keyledger:log:00000000-0000-0000-0000-000000000001");
}

#[test]
fn members_that_nobody_knows_are_tolerated() {
    assert!(matches!(read_in_log(&with("traceparent", json!({ "a": [1] }))), Read::Event(_)));
    assert!(matches!(read_in_log(&with("data", json!({ "added_later": 1 }))), Read::Event(_)));
}

#[test]
fn a_kind_or_version_that_nobody_knows_is_a_true_event_all_the_same() {
    assert!(matches!(unreadable(&with("type", json!("key.sung"))), UnreadableReason::UnknownKind));
    assert!(matches!(unreadable(&with("schemaversion", json!(2))), UnreadableReason::UnknownVersion));
    assert!(matches!(unreadable(&with("data", json!(1))), UnreadableReason::Data(_)));
    assert!(matches!(
        unreadable(&with("type", json!("organization.resumed"))),
        UnreadableReason::WrongAggregate
    ));
    let Read::Unreadable(event) = read_in_log(&with("type", json!("key.sung"))) else { panic!("unreadable") };
    assert_eq!(event.subject, draft().subject);
    assert_eq!(event.position.sequence, 9);
}

#[test]
fn an_aggregate_of_an_unknown_type_is_named() {
    let mut stored = with("aggregatetype", json!("family"));
    stored.subject = stored.subject.replace(".key.", ".family.");
    let mut json: Value = serde_json::from_slice(&stored.payload).unwrap();
    json["subject"] = json!(stored.subject);
    stored.payload = json.to_string().into();
    let Read::Unreadable(event) = read_in_log(&stored) else { panic!("unreadable") };
    assert_eq!(event.subject.aggregate_type.as_str(), "family");
}

#[test]
fn what_is_no_envelope_of_this_log_is_foreign() {
    assert!(matches!(foreign(&stored("")), ForeignReason::NoEnvelope(_)));
    assert!(matches!(foreign(&stored("[]")), ForeignReason::NoEnvelope(_)));
    // An array of an envelope's members is none.
    let members: Vec<Value> = json().as_object().unwrap().values().cloned().collect();
    assert!(matches!(foreign(&stored(Value::from(members).to_string())), ForeignReason::NoEnvelope(_)));
    assert!(matches!(foreign(&with("source", json!("urn:other"))), ForeignReason::Source));
    assert!(matches!(foreign(&with("source", Value::Null)), ForeignReason::Source));
    let other = "urn:keyledger:log:00000000-0000-0000-0000-000000000009";
    assert!(matches!(foreign(&with("source", json!(other))), ForeignReason::OtherLog));
}

/// Unknown forms of a member, such as a newer version may write.
fn unknown_forms(member: &str) -> Vec<Value> {
    let mut forms = vec![json!({}), json!([1]), json!(true), json!(1.5), json!("é?")];
    match member {
        "specversion" => forms.push(json!("2.0")),
        "shard" => forms.push(json!("1")),
        "actor" => forms.push(json!("robot:7")),
        "time" => forms.push(json!("1970-01-01T00:00:00Z")),
        "dataschema" => forms.push(json!("urn:keyledger:schema:key.enabled:2")),
        // Any text is a kind, anything is data: what they are is judged next.
        "type" => forms.retain(|form| !form.is_string()),
        "data" => forms.clear(),
        // May be absent, and is nothing then.
        _ => {}
    }
    if !["previousid", "causationid"].contains(&member) {
        forms.push(Value::Null);
    }
    forms
}

/// What is skipped in silence fails open: a revocation by an actor of an unknown kind must not be.
#[test]
fn a_member_of_an_unknown_form_makes_an_event_unreadable_and_never_foreign() {
    for member in json().as_object().unwrap().keys().filter(|member| *member != "source") {
        for form in unknown_forms(member) {
            let Read::Unreadable(event) = read_in_log(&with(member, form.clone())) else {
                panic!("{member}: {form} is not unreadable")
            };
            assert_eq!(event.subject, draft().subject, "{member}: {form}");
            assert!(
                matches!(&event.reason, UnreadableReason::Member { member: told, .. } if told == member),
                "{member}: {form}: {}",
                event.reason
            );
            // What can be read is told.
            assert_eq!(event.id.is_none(), member == "id");
            assert_eq!(event.kind.is_none(), member == "type");
        }
    }
}

#[test]
fn an_event_on_a_subject_of_an_unknown_form_is_about_all_that_there_may_be() {
    let mut stored = with("organization", json!("acme.inc"));
    stored.subject = "kl.events.0.acme.inc.key.00000000-0000-0000-0000-000000000004".to_owned();
    let Read::Unreadable(event) = read_in_log(&stored) else { panic!("not unreadable") };
    assert_eq!(event.subject.owner, Owner::Installation);
    assert!(matches!(event.subject.aggregate_type, AggregateType::Unknown(_)));
    // One that its envelope does not spell is nobody's.
    stored.subject.push('0');
    assert!(matches!(foreign(&stored), ForeignReason::SubjectDisagrees));
}

#[test]
fn a_message_on_another_subject_than_it_says_is_foreign() {
    let mut moved = stored(payload(draft()));
    moved.subject = moved.subject.replace("000004", "000008");
    assert!(matches!(foreign(&moved), ForeignReason::SubjectDisagrees));
    assert!(matches!(
        foreign(&with("aggregateid", json!("00000000-0000-0000-0000-000000000008"))),
        ForeignReason::SubjectDisagrees
    ));
    assert!(matches!(foreign(&with("organization", json!("_"))), ForeignReason::SubjectDisagrees));
    let other = draft().subject.to_string().replace("000004", "000008");
    assert!(matches!(foreign(&with("subject", json!(other))), ForeignReason::SubjectDisagrees));
    // Also where something else can't be read.
    let mut moved = with("actor", json!("robot:7"));
    moved.subject = moved.subject.replace("000004", "000008");
    assert!(matches!(foreign(&moved), ForeignReason::SubjectDisagrees));
}

#[test]
fn a_member_that_stands_twice_makes_an_event_unreadable() {
    let text = String::from_utf8(payload(draft())).unwrap();
    let doubled = text.replacen('{', r#"{"actor":"system:mallory","#, 1);
    assert!(matches!(unreadable(&stored(doubled)), UnreadableReason::Member { member: "actor", .. }));
}

#[test]
fn the_first_event_names_its_log() {
    let first = Draft { log: draft().id.into(), ..draft() };
    let stored = stored(payload(first));
    assert!(matches!(read(&stored, None), Read::Event(_)));
    let other = super::tests::stored(payload(draft()));
    assert!(matches!(read(&other, None), Read::Foreign(Foreign { reason: ForeignReason::OtherLog, .. })));
}

proptest! {
    #[test]
    fn any_bytes_are_read_as_something(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        prop_assert!(matches!(read_in_log(&stored(bytes)), Read::Foreign(_)));
    }

    #[test]
    fn a_cut_envelope_is_foreign(at in any::<proptest::sample::Index>()) {
        let whole = payload(draft());
        let cut = at.index(whole.len());
        prop_assert!(matches!(read_in_log(&stored(&whole[..cut])), Read::Foreign(_)));
    }
}

/// A copy is told, and so is what comes after it: also what names the copy, or the event before it.
#[test]
fn an_objects_events_follow_one_another() {
    let event = |sequence, own: u128, previous: Option<u128>| {
        let id = |id| EventId::new(uuid::Uuid::from_u128(id));
        let draft = Draft { id: id(own), previous: previous.map(id), ..draft() };
        let position = Position { log: draft.log, shard: Shard::ZERO, sequence };
        Read::Event(Box::new(draft.recorded(writer().id(), position, Timestamp::UNIX_EPOCH)))
    };
    let mut chain = Chain::default();
    let mut is_read = |read| matches!(chain.take(read), Read::Event(_));
    assert!(
        is_read(event(1, 11, None)) && is_read(event(4, 12, Some(11))) && is_read(event(5, 13, Some(12)))
    );
    assert!(!is_read(event(9, 12, Some(11))), "it was stored again");
    assert!(!is_read(event(10, 14, Some(12))) && !is_read(event(11, 15, Some(13))));
    let Read::Unreadable(follows) = chain.take(event(12, 16, Some(13))) else { panic!("an event") };
    assert!(matches!(follows.reason, UnreadableReason::Follows(9)));
    assert_eq!(follows.reason.cause(), UnreadableCause::Place);
}
