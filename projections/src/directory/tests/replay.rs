//! The same log gives the same state, however it is cut, and however often a part of it comes again.

use events::{AggregateType, Owner, Subject};
use proptest::prelude::*;

use super::*;

/// One message by number: what, about which organization, which key or server.
pub(super) type Step = (u8, u8, u8);

pub(super) fn steps(length: usize) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec((0u8..42, 0u8..3, 0u8..5), 0..length)
}

pub(super) fn read(sequence: u64, (what, o, n): Step) -> Read {
    let owner = if o == 0 { Owner::Installation } else { Owner::Organization(organization(o)) };
    let id = organization(o);
    match what {
        0 => of_organization(sequence, id, created(["a", "b", "c"][usize::from(o)])),
        1 => of_organization(sequence, id, suspended()),
        2 => of_organization(sequence, id, resumed()),
        3 => of_server(sequence, id, server(n), registered(["s", "t", "u", "v", "w"][usize::from(n)])),
        4 => of_server(
            sequence,
            id,
            server(n),
            ServerEvent::Changed(events::server::Changed {
                upstream: None,
                enabled: Some(o == 1),
                name: None,
                settings: (o == 2).then(|| events::server::UpstreamSettings {
                    credentials: Some("header:x-identity".parse().unwrap()),
                    idle_timeout_ms: Some(5_000.try_into().unwrap()),
                    ..events::server::UpstreamSettings::default()
                }),
            }),
        ),
        5 => {
            of_server(sequence, id, server(n), ServerEvent::Removed(events::server::Removed { reason: None }))
        }
        6..=8 => of_key(sequence, owner, key(n), issued(digest(n), "mcp:*")),
        9 => of_key(sequence, owner, key(n), revoked()),
        10 => of_key(sequence, owner, key(n), disabled()),
        11 => of_key(sequence, owner, key(n), enabled()),
        12 => of_key(
            sequence,
            owner,
            key(n),
            KeyEvent::ScopesChanged(events::key::ScopesChanged { scopes: "mcp:s".parse().unwrap() }),
        ),
        13 => foreign(sequence),
        14 => unreadable(sequence, Subject::key(owner, key(n))),
        16..32 => granted::read(sequence, what, o, n),
        32..36 => people::read(sequence, what - 32, o, n),
        36.. => issuers::read(sequence, what - 20, owner, n),
        _ => {
            let aggregate_type: AggregateType =
                ["server", "organization", "policy"][usize::from(o)].parse().unwrap();
            unreadable(sequence, Subject { aggregate_type, ..Subject::key(owner, key(n)) })
        }
    }
}

pub(super) fn reads(steps: &[Step]) -> Vec<Read> {
    (1..).zip(steps).map(|(sequence, step)| read(sequence, *step)).collect()
}

proptest! {
    #[test]
    fn any_cut_and_any_redelivery_give_the_same_state(
        steps in steps(60),
        cuts in prop::collection::vec((0usize..60, 0usize..10), 0..8),
    ) {
        let reads = reads(&steps);
        let whole = state(&replayed(&reads));
        let pieces = Directory::new();
        let mut done = 0;
        // Up to each cut, then a few messages back: what a reconnect delivers again.
        for (cut, back) in cuts {
            let end = cut.clamp(done, reads.len());
            for read in &reads[done.saturating_sub(back)..end] {
                step(&pieces, read);
            }
            done = end;
        }
        for read in &reads[done..] {
            step(&pieces, read);
        }
        prop_assert_eq!(whole, state(&pieces));
    }

    #[test]
    fn a_generation_grows_with_every_change_and_only_then(steps in steps(60)) {
        let directory = Directory::new();
        for read in reads(&steps) {
            let before: Vec<_> = (0..5).map(|n| directory.key(key(n))).collect();
            step(&directory, &read);
            for (n, before) in (0..5).zip(before) {
                let (Some(before), Some(after)) = (before, directory.key(key(n))) else { continue };
                // What changes nothing here is the newest event all the same.
                let same = KeyEntry { newest: before.newest, ..(*after).clone() } == *before;
                prop_assert_eq!(before.generation == after.generation, same);
                prop_assert!(before.generation <= after.generation);
                prop_assert_eq!(directory.key_generation(&after.digest), Some(after.generation));
            }
        }
    }
}
