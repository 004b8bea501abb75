//! A fill that comes late can't outlive a revocation: every interleaving of a writer, of callers that fill a
//! cache above the directory, and of callers that hit it.

use std::collections::HashMap;

use events::Owner;
use proptest::prelude::*;

use super::*;
use crate::directory::{KeyState, OrganizationState};

/// What a cache above holds: an answer with the generations that it was worked out of.
#[derive(Clone, Copy, Debug)]
struct Cached {
    allowed: bool,
    key: u64,
    organization: u64,
}

/// A caller in the middle of a fill: what it has read so far.
#[derive(Clone, Default)]
struct Filler {
    key: Option<Arc<KeyEntry>>,
    organization: Option<Arc<OrganizationEntry>>,
}

impl Filler {
    /// One step on: read the key, read the organization, store.
    fn step(&mut self, directory: &Directory, cache: &mut HashMap<u8, Cached>) {
        match (self.key.take(), self.organization.take()) {
            (None, _) => self.key = directory.key_by_digest(&digest(1)),
            (Some(key), None) => {
                self.organization = directory.organization(organization(1));
                self.key = Some(key);
            }
            (Some(key), Some(organization)) => {
                let allowed = allows(&key, &organization);
                let (key, organization) = (key.generation, organization.generation);
                cache.insert(1, Cached { allowed, key, organization });
            }
        }
    }
}

fn allows(key: &KeyEntry, organization: &OrganizationEntry) -> bool {
    key.state == KeyState::Active && organization.state == OrganizationState::Active
}

fn hit(directory: &Directory, cache: &HashMap<u8, Cached>) -> Option<bool> {
    let cached = cache.get(&1)?;
    let current = Some(cached.key) == directory.key_generation(&digest(1))
        && Some(cached.organization) == directory.organization_generation(organization(1));
    current.then_some(cached.allowed)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_a_hit_says_is_what_the_directory_says(
        // 0..=3: a filler's next step; 4..: the writer's next event.
        schedule in prop::collection::vec(0u8..8, 1..60),
        mut events in prop::collection::vec(0u8..5, 1..30),
    ) {
        let owner = Owner::Organization(organization(1));
        let directory = replayed(&[
            of_organization(1, organization(1), created("acme")),
            of_key(2, owner, key(1), issued(digest(1), "mcp:*")),
        ]);
        let mut cache = HashMap::new();
        let mut fillers = vec![Filler::default(); 4];
        for who in schedule {
            if let Some(filler) = fillers.get_mut(usize::from(who)) {
                filler.step(&directory, &mut cache);
            } else if let Some(event) = events.pop() {
                let sequence = directory.applied() + 1;
                step(&directory, &match event {
                    0 => of_key(sequence, owner, key(1), disabled()),
                    1 => of_key(sequence, owner, key(1), enabled()),
                    2 => of_organization(sequence, organization(1), suspended()),
                    3 => of_organization(sequence, organization(1), resumed()),
                    _ => of_key(sequence, owner, key(1), revoked()),
                });
            }
            if let Some(allowed) = hit(&directory, &cache) {
                let now = allows(
                    &directory.key(key(1)).unwrap(),
                    &directory.organization(organization(1)).unwrap(),
                );
                prop_assert_eq!(allowed, now);
            }
        }
    }
}

#[test]
fn a_late_fill_after_a_revocation_is_not_believed() {
    let owner = Owner::Organization(organization(1));
    let directory = replayed(&[
        of_organization(1, organization(1), created("acme")),
        of_key(2, owner, key(1), issued(digest(1), "mcp:*")),
    ]);
    let (mut cache, mut filler) = (HashMap::new(), Filler::default());
    filler.step(&directory, &mut cache);
    filler.step(&directory, &mut cache);
    step(&directory, &of_key(3, owner, key(1), revoked()));
    filler.step(&directory, &mut cache);
    assert!(cache[&1].allowed, "the fill worked with what it had read");
    assert_eq!(hit(&directory, &cache), None);
}

#[test]
fn readers_see_a_revocation_that_was_applied_before_they_asked() {
    let owner = Owner::Organization(organization(1));
    let directory = Arc::new(replayed(&[
        of_organization(1, organization(1), created("acme")),
        of_key(2, owner, key(1), issued(digest(1), "mcp:*")),
    ]));
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    loop {
                        let applied = directory.applied();
                        let state = directory.key_by_digest(&digest(1)).unwrap().state;
                        if applied >= 2_000 {
                            return state;
                        }
                    }
                })
            })
            .collect();
        for sequence in 3..2_000 {
            let event = if sequence % 2 == 0 { enabled() } else { disabled() };
            step(&directory, &of_key(sequence, owner, key(1), event));
        }
        step(&directory, &of_key(2_000, owner, key(1), revoked()));
        for reader in readers {
            assert_eq!(reader.join().unwrap(), KeyState::Revoked);
        }
    });
}
