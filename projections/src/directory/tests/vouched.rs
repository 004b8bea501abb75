//! A replay that takes signatures as control has judged them is the replay that judges each.

use events::installation::{Bootstrapped, InstallationEvent, SignerPublished, SignerRetired};
use events::log::Stored;
use events::tlog::{Hash, Unsigned};
use events::{InstallationId, SignerPurpose, Signers, SigningKey};
use proptest::prelude::*;

use super::replay::{Step, read, steps};
use super::*;
use crate::directory::proof::Attested;
use crate::directory::vouched::{Reading, Vouched};

fn signer(n: u8) -> SigningKey {
    SigningKey::from_seed(SignerId::new(Uuid::from_u128(0x5700 + u128::from(n))), &[n; 32]).unwrap()
}

/// Who signs a message: a writer, the one that is published and retired on the way, a stranger, or one who has another's
/// name.
fn by(n: u8) -> SigningKey {
    match n {
        0..=8 => signer(1),
        9..=11 => signer(2),
        12 => signer(9),
        _ => SigningKey::from_seed(signer(1).id(), &[9; 32]).unwrap(),
    }
}

fn message(sequence: u64, subject: Subject, event: Event, by: &SigningKey) -> Stored {
    let draft = Draft {
        id: EventId::new(Uuid::from_u128(0x0e00_0000 + u128::from(sequence))),
        log: LOG,
        time: Timestamp::UNIX_EPOCH,
        subject,
        previous: None,
        actor: Actor::bootstrap(),
        command: CommandId::new(Uuid::from_u128(u128::from(sequence))),
        fingerprint: Fingerprint([0; 32]),
        causation: None,
        event,
    };
    let subject = draft.subject.to_string();
    let payload = draft.signed(by).unwrap().payload().clone();
    Stored { sequence, subject, stored_at: Timestamp::UNIX_EPOCH, payload }
}

/// A log of these steps, between which a second key is published, and retired.
fn log(steps: &[(Step, u8)], published: usize, retired: usize) -> Vec<Stored> {
    let installation = Subject::installation(InstallationId::new(Uuid::from_u128(4)));
    let of_installation =
        |sequence, event| message(sequence, installation.clone(), Event::Installation(event), &signer(1));
    let first = InstallationEvent::Bootstrapped(Bootstrapped {
        admin_key: key(1),
        pepper: PepperId::new(Uuid::from_u128(5)),
        writer: signer(1).public(),
        checkpoint: signer(3).public(),
    });
    let mut log = vec![of_installation(1, first)];
    for (at, (step, n)) in steps.iter().enumerate() {
        let next = |log: &[Stored]| u64::try_from(log.len()).unwrap() + 1;
        if at == published {
            let it = SignerPublished { purpose: SignerPurpose::Writer, key: signer(2).public() };
            log.push(of_installation(next(&log), InstallationEvent::SignerPublished(it)));
        }
        if at == retired {
            let it = SignerRetired { purpose: SignerPurpose::Writer, id: signer(2).id() };
            log.push(of_installation(next(&log), InstallationEvent::SignerRetired(it)));
        }
        let sequence = next(&log);
        log.push(match read(sequence, *step) {
            Read::Event(recorded) => {
                let Recorded { envelope, event, .. } = *recorded;
                message(sequence, envelope.subject, event, &by(*n))
            }
            Read::Unreadable(unreadable) => Stored {
                payload: "{}".into(),
                ..message(sequence, unreadable.subject, Event::Key(enabled()), &by(*n))
            },
            Read::Foreign(foreign) => Stored {
                sequence,
                subject: foreign.subject.to_string(),
                stored_at: Timestamp::UNIX_EPOCH,
                payload: "nonsense".into(),
            },
        });
    }
    log
}

fn replay(log: &[Stored], vouched: Option<Vouched>) -> (State, Unsigned) {
    let directory = Directory::new();
    let reading = Reading { log: LOG, signers: directory.signers(), vouched: vouched.map(Arc::new) };
    let mut unsigned = Unsigned::none();
    for stored in log {
        let read = reading.read(stored);
        if !matches!(read, Read::Event(_)) {
            unsigned.add(stored.sequence);
        }
        step(&directory, &read);
    }
    (state(&directory), unsigned)
}

fn vouching(size: u64, unsigned: Unsigned) -> Vouched {
    Vouched::by(&Attested { size, root: Hash::empty(), unsigned, place: "the vault".to_owned() })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_state_is_the_same(
        steps in steps(40),
        signed_by in prop::collection::vec(0u8..14, 40),
        published in 0usize..20,
        retired in 5usize..40,
        cut in 0usize..=42,
    ) {
        let steps: Vec<_> = steps.into_iter().zip(signed_by).collect();
        let log = log(&steps, published, retired);
        let (judged, _) = replay(&log, None);
        // A checkpoint of the whole log, or of a part of it.
        let cut = cut.min(log.len());
        let (_, unsigned) = replay(&log[..cut], None);
        let (skipped, _) = replay(&log, Some(vouching(cut as u64, unsigned)));
        prop_assert_eq!(&skipped, &judged);
        for says_nothing in [Unsigned::Untold, Unsigned::Many] {
            let (skipped, _) = replay(&log, Some(vouching(log.len() as u64, says_nothing)));
            prop_assert_eq!(&skipped, &judged);
        }
    }
}

#[test]
fn what_is_vouched_for_is_not_judged_but_for_the_installations() {
    let log = log(&[((3, 1, 1), 13), ((6, 1, 1), 13), ((6, 1, 2), 13)], 9, 9);
    let reading = |vouched| Reading {
        log: LOG,
        signers: Arc::new(Signers::default()),
        vouched: Some(Arc::new(vouched)),
    };
    let is_event = |reading: &Reading, at: usize| matches!(reading.read(&log[at]), Read::Event(_));
    let covers_all = reading(vouching(4, Unsigned::none()));
    assert!((1..4).all(|at| is_event(&covers_all, at)));
    let names_one = reading(vouching(3, Unsigned::These(vec![2])));
    assert_eq!([1, 2, 3].map(|at| is_event(&names_one, at)), [false, true, false]);

    let it = SignerPublished { purpose: SignerPurpose::Writer, key: signer(9).public() };
    let installation = Subject::installation(InstallationId::new(Uuid::from_u128(4)));
    let event = Event::Installation(InstallationEvent::SignerPublished(it));
    let published = message(2, installation, event, &signer(9));
    assert!(matches!(covers_all.read(&published), Read::Unreadable(_)));
}
