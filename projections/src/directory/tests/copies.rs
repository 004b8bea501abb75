//! A true event that is stored once more, or too late, closes what it is about, or changes nothing.

use proptest::prelude::*;

use super::replay::{reads, steps};
use super::*;
use crate::directory::{KeyState, Newest, OrganizationState, ServerState};

/// What a caller can have of each thing: whether it works, and of a key how much it may do.
fn rights(directory: &Directory) -> (Vec<KeyEntry>, Vec<OrganizationEntry>, Vec<ServerEntry>) {
    let bare = |mut entry: KeyEntry| {
        (entry.newest, entry.generation) = (Newest::default(), 0);
        entry
    };
    (
        (0..5).filter_map(|n| directory.key(key(n))).map(|entry| bare((*entry).clone())).collect(),
        (0..3).filter_map(|n| directory.organization(organization(n))).map(|it| (*it).clone()).collect(),
        (0..5).filter_map(|n| directory.server_by_id(server(n))).map(|it| (*it).clone()).collect(),
    )
}

proptest! {
    #[test]
    fn a_copy_of_any_event_gives_nobody_anything(steps in steps(60), which in any::<prop::sample::Index>()) {
        let directory = Directory::new();
        let mut events = Vec::new();
        for read in reads(&steps) {
            if let Read::Event(recorded) = &read {
                events.push(placed(&directory, recorded));
            }
            step(&directory, &read);
        }
        prop_assume!(!events.is_empty());
        let mut copy = which.get(&events).clone();
        copy.position.sequence = directory.applied() + 1;
        copy.stored_at = second(copy.position.sequence);
        let (keys, organizations, servers) = rights(&directory);
        let works = granted::working(&directory);
        directory.apply(&Read::Event(Box::new(copy)));
        let after = rights(&directory);
        let still = granted::working(&directory);
        prop_assert!(still.iter().all(|one| works.contains(one)), "{:?} of {:?}", still, works);
        prop_assert_eq!(keys.len(), after.0.len());
        for (before, after) in keys.iter().zip(&after.0) {
            let closed = KeyEntry { state: KeyState::Closed, ..before.clone() };
            prop_assert!([before, &closed].contains(&after));
        }
        prop_assert_eq!(organizations.len(), after.1.len());
        for (before, after) in organizations.iter().zip(&after.1) {
            prop_assert!(after.state == before.state || after.state == OrganizationState::Closed);
        }
        prop_assert_eq!(servers.len(), after.2.len());
        for (before, after) in servers.iter().zip(&after.2) {
            prop_assert!(after.state == before.state || after.state == ServerState::Closed);
            prop_assert_eq!((&after.upstream, &after.settings), (&before.upstream, &before.settings));
        }
    }
}

#[test]
fn an_event_that_changed_nothing_here_is_followed_all_the_same() {
    let owner = Owner::Organization(organization(1));
    let directory = replayed(&[of_key(1, owner, key(1), issued(digest(1), "mcp:docs"))]);
    let generation = directory.key_generation(&digest(1));
    let renamed = KeyEvent::Renamed(events::key::Renamed { name: sealed() });
    step(&directory, &of_key(2, owner, key(1), renamed));
    assert_eq!(directory.key_generation(&digest(1)), generation, "nobody need look again");
    // It says that it follows the key's first event.
    let Read::Event(mut late) = of_key(3, owner, key(1), disabled()) else { panic!("an event") };
    late.envelope.previous = Some(EventId::new(Uuid::from_u128(0x0e00_0001)));
    directory.apply(&Read::Event(late));
    assert_eq!(directory.key(key(1)).unwrap().state, KeyState::Closed);
}
