use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::envelope::{Read, UnreadableReason};
use crate::fingerprint::Fingerprint;
use crate::installation::{Bootstrapped, InstallationEvent, SignerPublished, SignerRetired};
use crate::key::{Disabled, KeyEvent};
use crate::log::Stored;
use crate::{
    Actor, CommandId, Draft, Event, EventId, InstallationId, KeyId, LogId, Owner, PepperId, SignerPurpose,
    SignerSet, Signers, Subject, Timestamp,
};

fn uuid(number: u64) -> Uuid {
    Uuid::from_u128(0x0190_a1b2_c3d4_7e5f_8a6b_0000_0000_0000 + u128::from(number))
}

fn key(number: u8) -> SigningKey {
    SigningKey::from_seed(SignerId::new(uuid(number.into())), &[number; 32]).unwrap()
}

fn log() -> LogId {
    LogId::new(uuid(1_001))
}

/// An event of this number on a subject, at the sequence of the same number.
fn event(number: u64, subject: Subject, event: impl Into<Event>, key: &SigningKey) -> Stored {
    let draft = Draft {
        id: EventId::new(uuid(1_000 + number)),
        log: log(),
        time: Timestamp::UNIX_EPOCH,
        subject,
        actor: Actor::bootstrap(),
        command: CommandId::new(uuid(2_000 + number)),
        fingerprint: Fingerprint([0; 32]),
        previous: None,
        causation: None,
        event: event.into(),
    };
    let subject = draft.subject.to_string();
    let payload = draft.signed(key).unwrap().payload().clone();
    Stored { sequence: number, subject, stored_at: Timestamp::UNIX_EPOCH, payload }
}

fn of_installation(number: u64, it: InstallationEvent, key: &SigningKey) -> Stored {
    event(number, Subject::installation(InstallationId::new(uuid(50))), it, key)
}

fn disabled(number: u64, key: &SigningKey) -> Stored {
    let subject = Subject::key(Owner::Installation, KeyId::new(uuid(60)));
    event(number, subject, KeyEvent::Disabled(Disabled { reason: None }), key)
}

fn first(writer: &SigningKey) -> Stored {
    let bootstrapped = Bootstrapped {
        admin_key: KeyId::new(uuid(60)),
        pepper: PepperId::new(uuid(61)),
        writer: key(1).public(),
        checkpoint: key(2).public(),
    };
    of_installation(1, InstallationEvent::Bootstrapped(bootstrapped), writer)
}

fn published(number: u64, new: u8, by: &SigningKey) -> Stored {
    let (purpose, key) = (SignerPurpose::Writer, key(new).public());
    of_installation(number, InstallationEvent::SignerPublished(SignerPublished { purpose, key }), by)
}

fn retired(number: u64, old: u8, by: &SigningKey) -> Stored {
    let (purpose, id) = (SignerPurpose::Writer, key(old).id());
    of_installation(number, InstallationEvent::SignerRetired(SignerRetired { purpose, id }), by)
}

/// The set after these messages.
fn set(messages: &[Stored]) -> SignerSet {
    let mut set = SignerSet::default();
    for message in messages {
        let Read::Event(recorded) = set.read(message, log()) else { panic!("it is not believed") };
        set.take(&recorded);
    }
    set
}

#[track_caller]
fn refused(set: &SignerSet, message: &Stored) -> BadSignature {
    let Read::Unreadable(unreadable) = set.read(message, log()) else { panic!("it is not unreadable") };
    let UnreadableReason::Signature(bad) = unreadable.reason else { panic!("{}", unreadable.reason) };
    bad
}

fn believed(set: &SignerSet, message: &Stored) -> bool {
    matches!(set.read(message, log()), Read::Event(_))
}

#[test]
fn the_first_event_is_signed_by_the_key_that_it_publishes() {
    assert!(believed(&SignerSet::default(), &first(&key(1))));
    let none = SignerSet::default();
    assert_eq!(refused(&none, &first(&key(3))), BadSignature::UnknownKey(key(3).id()));
    // Another key under the same id.
    let same_id = SigningKey::from_seed(key(1).id(), &[9; 32]).unwrap();
    assert_eq!(refused(&none, &first(&same_id)), BadSignature::Wrong(key(1).id()));
    // No other event publishes what it is signed by.
    let late = Stored { sequence: 2, ..first(&key(1)) };
    assert_eq!(refused(&none, &late), BadSignature::UnknownKey(key(1).id()));
}

#[test]
fn a_key_is_good_between_its_publication_and_its_retirement() {
    let after = set(&[first(&key(1)), published(2, 3, &key(1)), retired(5, 1, &key(3))]);
    for sequence in [3, 4, 6, 100] {
        assert!(believed(&after, &disabled(sequence, &key(3))), "{sequence}");
    }
    for sequence in [2, 3, 4, 5] {
        assert!(believed(&after, &disabled(sequence, &key(1))), "{sequence}");
    }
    assert_eq!(refused(&after, &disabled(6, &key(1))), BadSignature::Retired { key: key(1).id(), by: 5 });
    assert_eq!(refused(&after, &disabled(2, &key(3))), BadSignature::NotYet { key: key(3).id(), from: 3 });
    assert_eq!(refused(&after, &disabled(6, &key(4))), BadSignature::UnknownKey(key(4).id()));
    // A key that signs heads of the log signs no events.
    assert_eq!(refused(&after, &disabled(6, &key(2))), BadSignature::UnknownKey(key(2).id()));
    assert_eq!(after.as_of(4), set(&[first(&key(1)), published(2, 3, &key(1))]));
    assert_eq!(after.newest(SignerPurpose::Writer).unwrap().key, key(3).public());
}

#[test]
fn only_the_installation_of_the_first_event_publishes_keys() {
    let mut after = set(&[first(&key(1))]);
    let (purpose, key_of) = (SignerPurpose::Writer, key(3).public());
    let it = InstallationEvent::SignerPublished(SignerPublished { purpose, key: key_of });
    let elsewhere = event(2, Subject::installation(InstallationId::new(uuid(51))), it, &key(1));
    let Read::Event(recorded) = after.read(&elsewhere, log()) else { panic!("its writer is known") };
    assert!(!after.take(&recorded));
    assert_eq!(refused(&after, &disabled(3, &key(3))), BadSignature::UnknownKey(key(3).id()));
}

#[test]
fn a_log_that_begins_with_another_key_is_believed_by_nobody_who_knows_the_first() {
    let (first, signers) = (first(&key(1)), Signers::default());
    signers.begin_with(key(1).public());
    assert!(matches!(signers.read(&first, log()), Read::Event(_)));
    let others = Signers::default();
    others.begin_with(key(3).public());
    let Read::Unreadable(unreadable) = others.read(&first, log()) else { panic!("it is believed") };
    let other = BadSignature::OtherBeginning(key(1).id());
    assert!(matches!(unreadable.reason, UnreadableReason::Signature(bad) if bad == other));
}

/// The vector of the reference: whoever checks signatures in another language can begin with it.
#[test]
fn what_is_signed_is_the_subject_and_the_payload_up_to_the_signature() {
    let stored = disabled(7, &key(1));
    let text = std::str::from_utf8(&stored.payload).unwrap();
    let (signed, digits) = text.rsplit_once(r#","signature":""#).unwrap();
    assert!(signed.ends_with(&format!(r#","writer":"{}""#, key(1).id())));
    let signature = digits.strip_suffix(r#""}"#).unwrap().parse().unwrap();
    let message = format!("{}\n{signed}", stored.subject);
    assert!(key(1).public().public.verifies(message.as_bytes(), &signature));
}

#[test]
fn what_comes_after_the_signature_makes_it_none() {
    let good = disabled(7, &key(1));
    let text = String::from_utf8(good.payload.to_vec()).unwrap();
    let more = text.replacen(r#""}"#, r#"","more":1}"#, 2);
    let longer = Stored { payload: text.replace("\"}", "\" }").into(), ..good.clone() };
    assert_ne!(more, text);
    assert_eq!(refused(&set(&[first(&key(1))]), &longer), BadSignature::NotLast);
}

proptest! {
    #[test]
    fn any_byte_that_changes_makes_it_no_event(at in any::<proptest::sample::Index>(), to in any::<u8>()) {
        let set = set(&[first(&key(1))]);
        let good = disabled(7, &key(1));
        prop_assert!(believed(&set, &good));
        let mut bytes = good.payload.to_vec();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        let changed = Stored { payload: bytes.into(), ..good };
        prop_assert!(!believed(&set, &changed), "byte {}", at);
    }

    #[test]
    fn another_subject_makes_it_no_event(number in 61_u64..1_000) {
        let set = set(&[first(&key(1))]);
        let good = disabled(7, &key(1));
        let moved = Stored { subject: Subject::key(Owner::Installation, KeyId::new(uuid(number))).to_string(), ..good };
        prop_assert!(!believed(&set, &moved));
    }
}
