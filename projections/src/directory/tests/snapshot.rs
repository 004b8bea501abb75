//! A snapshot and the rest of the log give what the whole log gives, wherever it is cut.

use events::envelope::UnreadableReason;
use events::{InstallationId, LogId, Subject, UnreadableCause};
use proptest::prelude::*;

use super::replay::{reads, steps};
use super::*;
use crate::directory::KeyState;
use crate::directory::fold::Closed;
use crate::directory::snapshot::{Cut, LoadError, Loading};

fn chunks(cut: &Cut, most: usize) -> Vec<Vec<u8>> {
    cut.chunks_of(most).collect::<Result<_, _>>().unwrap()
}

fn bytes(directory: &Directory) -> Vec<u8> {
    chunks(&directory.cut().unwrap(), 1_000).concat()
}

fn loaded(cut: &Cut, most: usize) -> Directory {
    let mut loading = Loading::default();
    for chunk in chunks(cut, most) {
        loading.read(&chunk).unwrap();
    }
    let directory = Directory::new();
    directory.install(loading, cut.place, cut.stored_at, cut.counts).unwrap();
    directory
}

proptest! {
    // Each cuts its history at every place.
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn snapshot_and_tail_equal_replay_wherever_the_log_is_cut(
        steps in steps(60),
        back in 0usize..10,
        most in 1usize..300,
    ) {
        let mut reads = reads(&steps);
        // A log's first message is an event; and two names are taken that others will claim.
        let first = (OrganizationId::new(Uuid::from_u128(1)), ServerId::new(Uuid::from_u128(1)));
        reads.insert(0, of_organization(1, first.0, created("b")));
        reads.insert(1, of_server(2, organization(1), first.1, registered("s")));
        for (sequence, read) in (1..).zip(&mut reads) {
            at(read, sequence);
        }
        let whole = replayed(&reads);
        for cut in 1..=reads.len() {
            let before = replayed(&reads[..cut]);
            let snapshot = before.cut().unwrap();
            let directory = loaded(&snapshot, most);
            prop_assert_eq!(state(&directory), state(&before));
            prop_assert_eq!(bytes(&directory), bytes(&before));
            prop_assert_eq!(directory.place(), before.place());
            // A few messages come again, as after a reconnect.
            for read in &reads[cut.saturating_sub(back)..] {
                step(&directory, read);
            }
            prop_assert_eq!(state(&directory), state(&whole));
            prop_assert_eq!(bytes(&directory), bytes(&whole));
            prop_assert_eq!(directory.place(), whole.place());
            // What comes later is shared with what was loaded.
            if let (Some(one), Some(other)) = (directory.key(key(0)), directory.key(key(1)))
                && one.scopes == other.scopes
            {
                prop_assert!(Arc::ptr_eq(&one.scopes, &other.scopes));
            }
        }
    }
}

/// Moves a message to another sequence.
fn at(read: &mut Read, to: u64) {
    match read {
        Read::Event(recorded) => recorded.position.sequence = to,
        Read::Unreadable(unreadable) => unreadable.position.sequence = to,
        Read::Foreign(foreign) => foreign.sequence = to,
    }
}

fn some() -> Directory {
    let owner = Owner::Organization(organization(1));
    let mut reads = vec![
        of_organization(1, organization(1), created("acme")),
        of_server(2, organization(1), server(1), registered("docs")),
        of_key(3, owner, key(1), issued(digest(1), "mcp:docs mcp:*:tools:get_*")),
        of_key(4, Owner::Installation, key(2), issued(digest(2), "admin:*:*")),
        of_key(5, owner, key(1), revoked()),
        people::of_person(6, 1, people::added(people::identity(1))),
        people::of_invitation(7, 1, 1, people::invited(1)),
        people::of_member(8, 1, 1, people::joined(1, events::Role::Owner, Some(people::invitation_id(1)))),
        unreadable(9, Subject::key(owner, key(3))),
    ];
    reads.extend(issuers::some(10));
    reads.push(foreign(14));
    replayed(&reads)
}

/// Whoever changes these bytes has made a new format: `FORMAT` counts it up, and this test is changed with it.
#[test]
fn the_bytes_of_this_format_are_these() {
    assert_eq!(super::super::snapshot::FORMAT, 10);
    let directory = some();
    for (sequence, what) in (15..).zip([31, 16, 21, 23, 25, 28]) {
        step(&directory, &granted::read(sequence, what, 1, 2));
    }
    let hex: String = bytes(&directory).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, include_str!("snapshot.v10.hex").trim());
}

/// That somebody else writes to the log is no smaller a matter after a start from a snapshot.
#[test]
fn why_something_is_closed_is_known_after_a_start_from_a_snapshot() {
    let unreadable_for = |sequence, subject, reason| match unreadable(sequence, subject) {
        Read::Unreadable(it) => Read::Unreadable(Box::new(Unreadable { reason, ..*it })),
        read @ (Read::Event(_) | Read::Foreign(_)) => read,
    };
    let forged = || UnreadableReason::Member { member: "signature", problem: "it is none".into() };
    let own = |n| Subject::key(Owner::Organization(organization(1)), key(n));
    let installation = Subject::installation(InstallationId::new(Uuid::from_u128(7)));
    let directory = replayed(&[
        of_organization(1, organization(1), created("acme")),
        unreadable(2, own(1)),
        unreadable_for(3, own(2), forged()),
        // Worse than what had closed it before.
        unreadable_for(4, own(1), forged()),
        unreadable_for(5, installation, forged()),
    ]);
    let loaded = loaded(&directory.cut().unwrap(), 1_000);
    let cause = Some(UnreadableCause::Signature);
    assert_eq!(loaded.installation_closed_for(5), cause);
    let closed = loaded.closed.pin();
    assert_eq!(closed.get(&own(1)), Some(&Closed { at: 2, cause }));
    assert_eq!(closed.get(&own(2)), Some(&Closed { at: 3, cause }));
}

#[test]
fn an_empty_directory_has_no_snapshot() {
    assert!(Directory::new().cut().is_none());
}

#[test]
fn what_is_cut_off_or_changed_is_not_loaded() {
    let cut = some().cut().unwrap();
    let whole = chunks(&cut, 10_000).concat();
    for end in 0..whole.len() {
        let mut loading = Loading::default();
        let read = loading.read(&whole[..end]);
        let directory = Directory::new();
        let told = read.and_then(|()| directory.install(loading, cut.place, cut.stored_at, cut.counts));
        assert!(matches!(told, Err(LoadError::Record(_) | LoadError::Counts { .. })), "{end}: {told:?}");
        assert_eq!(directory.applied(), 0);
    }
}

#[test]
fn a_directory_that_holds_something_becomes_no_other() {
    let cut = some().cut().unwrap();
    let mut loading = Loading::default();
    loading.read(&chunks(&cut, 10_000).concat()).unwrap();
    let directory = replayed(&[of_organization(1, organization(2), created("other"))]);
    let told = directory.install(loading, cut.place, cut.stored_at, cut.counts);
    assert!(matches!(told, Err(LoadError::NotEmpty)));
    assert!(directory.organization(organization(1)).is_none());
}

proptest! {
    #[test]
    fn no_bytes_break_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = Loading::default().read(&bytes);
    }
}

#[test]
fn the_place_names_the_log_and_its_last_message() {
    let directory = some();
    let place = directory.place().unwrap();
    assert_eq!((place.log, place.sequence, place.event), (LOG, 14, None));
    step(&directory, &of_organization(15, organization(1), suspended()));
    let event = EventId::new(Uuid::from_u128(0x0e00_000f));
    assert_eq!(directory.place().unwrap().event, Some(event));
    assert_eq!(directory.place().unwrap().log, LogId::new(LOG.uuid()));
}

/// What only a key that works needs is in no snapshot of a revoked one, nor in the memory that is read from it.
#[test]
fn a_revoked_key_is_small() {
    let owner = Owner::Organization(organization(1));
    let many = (0..100).map(|n| format!("mcp:docs:tools:{n:0>480}")).collect::<Vec<_>>().join(" ");
    let reads = [of_key(1, owner, key(1), issued(digest(1), &many)), of_key(2, owner, key(1), revoked())];
    let (issued, revoked) = (replayed(&reads[..1]), replayed(&reads));
    assert!(bytes(&issued).len() > 49_000 && bytes(&revoked).len() < 150);
    let held = |directory: &Directory| directory.holding(organization(1));
    let before = Holding { keys: 1, scope_bytes: many.len() as u64, ..Holding::default() };
    let after = Holding { revoked_keys: 1, ..Holding::default() };
    assert_eq!([held(&issued), held(&revoked)], [before, after]);
    for directory in [&revoked, &loaded(&revoked.cut().unwrap(), 1_000)] {
        let entry = directory.key(key(1)).unwrap();
        assert_eq!((entry.state, entry.scopes.iter().count()), (KeyState::Revoked, 0));
        assert_eq!(held(directory), after);
    }
}
