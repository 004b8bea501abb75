use events::digest::{DigestBytes, DigestKind, KeyDigest};
use events::installation::SignerRetired;
use events::key::{Disabled, Enabled, Environment, ExpiryChanged, Issued, KeyOwner, Revoked};
use events::sealed::SealedBytes;
use events::tlog::{Hash, Head};
use events::{PepperId, SealingKeyId, SecretId, SignerId, SignerPurpose};
use uuid::Uuid;

use super::*;

fn second(number: i64) -> Timestamp {
    Timestamp::from_unix_millis(1_800_000_000_000 + number * 1_000).unwrap()
}

fn issued(scopes: &str, not_before: Option<i64>, expires_at: Option<i64>) -> KeyEvent {
    let name = SealedText {
        key: SealingKeyId::new(Uuid::nil()),
        nonce: SealedBytes(vec![1; 12]),
        ciphertext: SealedBytes(vec![2; 24]),
    };
    KeyEvent::Issued(Issued {
        secret_id: SecretId::new(Uuid::nil()),
        digest: KeyDigest {
            kind: DigestKind::Native,
            pepper: PepperId::new(Uuid::nil()),
            bytes: DigestBytes([1; 32]),
        },
        prefix: "kl_live".to_owned(),
        last_four: "3fZk".to_owned(),
        owner: KeyOwner::Installation,
        environment: Environment::Live,
        not_before: not_before.map(second),
        expires_at: expires_at.map(second),
        scopes: scopes.parse().unwrap(),
        issued_by: Actor::bootstrap(),
        name,
        metadata: None,
    })
}

fn expires(at: Option<i64>) -> KeyEvent {
    KeyEvent::ExpiryChanged(ExpiryChanged { expires_at: at.map(second) })
}

const DISABLED: KeyEvent = KeyEvent::Disabled(Disabled { reason: None });
const ENABLED: KeyEvent = KeyEvent::Enabled(Enabled {});
const REVOKED: KeyEvent = KeyEvent::Revoked(Revoked { reason: None });

/// When a key with these events could administer between seconds 100 and 200.
fn worked(events: impl IntoIterator<Item = (i64, KeyEvent)>) -> Vec<(i64, Option<i64>)> {
    let mut admins = Admins::default();
    let id = KeyId::new(Uuid::from_u128(1));
    let subject = Subject::key(Owner::Installation, id);
    for (at, event) in events {
        admins.take(id, &event, &subject, &Actor::bootstrap(), second(at));
    }
    let seconds = |at: Timestamp| (at.unix_millis() - 1_800_000_000_000) / 1_000;
    let period = Period { from: second(100), to: second(200) };
    let found = admins.within(&period);
    let worked = found.first().map(|(.., worked)| worked.clone()).unwrap_or_default();
    worked.into_iter().map(|(from, until)| (seconds(from), until.map(seconds))).collect()
}

#[test]
fn a_key_could_administer_while_nothing_kept_it_from_working() {
    let admin = |not_before, expires_at| issued("admin:*:*", not_before, expires_at);
    assert_eq!(worked([(1, admin(None, None))]), [(100, None)]);
    assert_eq!(worked([(120, admin(None, None)), (150, REVOKED)]), [(120, Some(150))]);
    assert_eq!(worked([(1, admin(None, None)), (50, REVOKED)]), []);
    assert_eq!(worked([(1, admin(None, Some(90)))]), []);
    assert_eq!(worked([(1, admin(Some(110), Some(190)))]), [(110, Some(190))]);
    assert_eq!(worked([(1, admin(None, None)), (250, REVOKED)]), [(100, None)]);
    assert_eq!(worked([(1, issued("mcp:*", None, None))]), [], "it administers nothing");
    assert_eq!(
        worked([(1, admin(None, None)), (120, DISABLED), (150, ENABLED), (160, REVOKED), (170, ENABLED)]),
        [(100, Some(120)), (150, Some(160))]
    );
}

#[test]
fn one_that_had_expired_and_was_given_more_time_works_again_from_then_on() {
    let events = [(1, issued("admin:*:*", None, Some(110))), (150, expires(Some(180)))];
    assert_eq!(worked(events), [(100, Some(110)), (150, Some(180))]);
    let events = [(1, issued("admin:*:*", None, Some(110))), (120, DISABLED), (150, expires(None))];
    assert_eq!(worked(events), [(100, Some(110))]);
    let events = [(1, issued("admin:*:*", None, Some(180))), (150, expires(None))];
    assert_eq!(worked(events), [(100, None)]);
}

#[test]
fn a_turning_point_says_which_key_signs_and_what_is_lost() {
    let id = SignerId::new(Uuid::from_u128(7));
    let head = |size| Head { size, root: Hash::empty() };
    let loss = LossAccepted { kept: head(40), lost: vec![head(45), head(60)] };
    let retired = SignerRetired { purpose: SignerPurpose::Checkpoint, id };
    for (event, said) in [
        (
            InstallationEvent::LossAccepted(loss),
            "messages 41 to at least 60 are lost: 40 were kept".to_owned(),
        ),
        (InstallationEvent::SignerRetired(retired), format!("checkpoint key {id} signs no longer")),
    ] {
        assert_eq!(change(&Event::Installation(event), None), Some(said));
    }
}

#[test]
fn what_people_wrote_can_not_become_markup_or_a_formula() {
    let happened = Happened {
        sequence: 7,
        event: "e".to_owned(),
        kind: "key.revoked".to_owned(),
        at: second(1),
        by: Who { actor: "system:bootstrap".to_owned(), name: None },
        organization: None,
        about: "key k".to_owned(),
        name: Some("<script>alert(1)</script>".to_owned()),
        change: None,
        reason: Some("=HYPERLINK(\"https://evil.example\")".to_owned()),
    };
    let report = Report {
        log: LogId::new(Uuid::nil()),
        period: Period { from: second(0), to: second(2) },
        made_at: second(3),
        organization: None,
        verification: Verification {
            good: true,
            messages: 7,
            last_sequence: 7,
            checkpoint: None,
            findings: 0,
            first: vec![],
        },
        administrators: vec![],
        keys_made: vec![],
        keys_ended: vec![happened],
        turning_points: vec![],
        changes: vec![],
    };
    let page = html::write(&report);
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && !page.contains("<script"), "{page}");
    let table = csv::write(&report);
    assert!(table.contains("\"'=HYPERLINK(\"\"https://evil.example\"\")\""), "{table}");
    assert!(table.lines().count() == 2 && table.ends_with("\r\n"));
}
