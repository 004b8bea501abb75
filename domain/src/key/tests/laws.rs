//! What holds for every sequence of commands.

use proptest::prelude::*;

use super::*;
use crate::aggregate::{Decide, Facts};

fn commands() -> impl Strategy<Value = Vec<(Command, i64)>> {
    let text = || prop_oneof![Just("a"), Just("b")].prop_map(sealed);
    let maybe = || proptest::option::of(text());
    let one = prop_oneof![
        2 => proptest::option::of(-50_i64..100).prop_map(|expiry| issue(|key| {
            key.expires_at = expiry.map(seconds);
        })),
        1 => maybe().prop_map(|reason| Command::Revoke { reason }),
        2 => maybe().prop_map(|reason| Command::Disable { reason }),
        3 => Just(Command::Enable),
        2 => proptest::option::of(-50_i64..100)
            .prop_map(|expiry| Command::SetExpiry { expires_at: expiry.map(seconds) }),
        1 => text().prop_map(|name| Command::Rename { name }),
        2 => prop_oneof![Just("mcp:tools"), Just("mcp:*"), Just("admin:*:*")]
            .prop_map(|text| Command::SetScopes { scopes: scopes(text) }),
        1 => maybe().prop_map(|metadata| Command::SetMetadata { metadata }),
    ];
    proptest::collection::vec((one, 0_i64..60), 0..30)
}

fn facts(second: i64) -> Facts {
    Facts {
        other_owners: None,
        now: seconds(second),
        owner: Standing::Active,
        bootstrapped: true,
        authority: crate::authority::Authority::Whole,
    }
}

/// Runs the commands; answers the state after each, and every event.
fn run(commands: &[(Command, i64)]) -> (Vec<Key>, Vec<KeyEvent>) {
    let (mut key, mut states, mut events) = (Key::default(), vec![], vec![]);
    for (command, second) in commands {
        let decided = key.decide(command, &facts(*second)).unwrap_or_default();
        decided.iter().for_each(|event| key.apply(event));
        events.extend(decided);
        states.push(key.clone());
    }
    (states, events)
}

proptest! {
    #[test]
    fn decisions_are_deterministic(commands in commands()) {
        prop_assert_eq!(run(&commands), run(&commands));
    }

    #[test]
    fn replaying_the_events_gives_the_state(commands in commands()) {
        let (states, events) = run(&commands);
        let mut replayed = Key::default();
        events.iter().for_each(|event| replayed.apply(event));
        prop_assert_eq!(states.last().cloned().unwrap_or_default(), replayed);
    }

    #[test]
    fn what_is_decided_is_admitted(commands in commands()) {
        let (_, events) = run(&commands);
        let mut key = Key::default();
        for event in &events {
            prop_assert!(key.admits(event), "{event:?} on {key:?}");
            key.apply(event);
        }
    }

    #[test]
    fn nothing_but_a_further_reason_is_admitted_after_a_revocation(commands in commands()) {
        let mut key = Key::default();
        key.apply(&issued());
        key.apply(&revoked(None));
        for event in run(&commands).1 {
            prop_assert_eq!(key.admits(&event), matches!(event, KeyEvent::Revoked(_)), "{:?}", event);
        }
    }

    #[test]
    fn a_revoked_key_never_comes_back(commands in commands()) {
        let (states, _) = run(&commands);
        let revoked = |key: &Key| key.known().is_some_and(|known| known.state == State::Revoked);
        let first = states.iter().position(revoked).unwrap_or(states.len());
        prop_assert!(states[first..].iter().all(revoked));
        prop_assert!(states[first..].windows(2).all(|pair| pair[0] == pair[1]));
    }

    /// Also when the log holds what decisions never make.
    #[test]
    fn no_event_brings_a_revoked_key_back(commands in commands()) {
        let (_, events) = run(&commands);
        let mut key = Key::default();
        key.apply(&issued());
        key.apply(&revoked(None));
        events.iter().for_each(|event| key.apply(event));
        prop_assert_eq!(state(&key), State::Revoked);
    }

    #[test]
    fn what_was_done_is_already_so(commands in commands(), again in commands()) {
        let (states, _) = run(&commands);
        let key = states.last().cloned().unwrap_or_default();
        for (command, second) in again {
            let once = key.decide(&command, &facts(second));
            if let Ok(events) = &once {
                let mut after = key.clone();
                events.iter().for_each(|event| after.apply(event));
                // What a command asked for is so after it, unless it was a text, which can't be compared.
                if let (Command::Enable | Command::SetExpiry { .. } | Command::SetScopes { .. }, false) =
                    (&command, after == key)
                {
                    prop_assert_eq!(after.decide(&command, &facts(second)), Ok(vec![]));
                }
            }
        }
    }

    #[test]
    fn the_state_survives_being_stored(commands in commands()) {
        let (states, _) = run(&commands);
        let key = states.last().cloned().unwrap_or_default();
        let json = serde_json::to_string(&key).unwrap();
        prop_assert_eq!(serde_json::from_str::<Key>(&json).unwrap(), key);
    }
}
