use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn log() -> impl Strategy<Value = LogId> {
    (0..3_u128).prop_map(|id| LogId::new(Uuid::from_u128(id)))
}

fn position() -> impl Strategy<Value = Position> {
    (log(), 0..20_u64).prop_map(|(log, sequence)| Position { log, shard: Shard::ZERO, sequence })
}

proptest! {
    #[test]
    fn a_position_is_read_back_from_its_text(id in any::<u128>(), sequence in any::<u64>()) {
        let position = Position { log: LogId::new(Uuid::from_u128(id)), shard: Shard::ZERO, sequence };
        prop_assert_eq!(position.to_string().parse::<Position>().unwrap(), position);
    }

    #[test]
    fn what_is_read_has_one_spelling(text in r"[0-9a-fA-F]{32}-(0|1|00)-[+0-9]{1,4}") {
        if let Ok(position) = text.parse::<Position>() {
            prop_assert_eq!(position.to_string(), text);
        }
    }

    /// A frontier covers what it has come past in its own log, and keeps covering it.
    #[test]
    fn a_frontier_covers_up_to_its_place(start in log(), steps in proptest::collection::vec(0..20_u64, 0..8), position in position()) {
        let mut frontier = Frontier::start(start);
        let mut farthest = 0;
        let mut covered = frontier.covers(&position);
        prop_assert_eq!(covered, start == position.log && position.sequence == 0);
        for step in steps {
            frontier.advance(Shard::ZERO, step);
            farthest = farthest.max(step);
            prop_assert_eq!(frontier.sequence(Shard::ZERO), farthest);
            let now = frontier.covers(&position);
            prop_assert!(now || !covered, "a position was uncovered again");
            prop_assert_eq!(now, start == position.log && position.sequence <= farthest);
            covered = now;
        }
        let json = serde_json::to_string(&frontier).unwrap();
        prop_assert_eq!(serde_json::from_str::<Frontier>(&json).unwrap(), frontier);
    }
}

#[test]
fn what_nobody_gave_out_is_no_position() {
    let good = "0190a1b2c3d47e5f8a6b7c8d9e0f1a2b-0-7";
    assert!(good.parse::<Position>().is_ok());
    for text in [
        "",
        "7",
        "0190a1b2c3d47e5f8a6b7c8d9e0f1a2b-0",
        "0190a1b2c3d47e5f8a6b7c8d9e0f1a2b-0-07",
        "0190a1b2c3d47e5f8a6b7c8d9e0f1a2b-0-7-1",
        "0190a1b2c3d47e5f8a6b7c8d9e0f1a2b-1-7",
        "0190A1B2C3D47E5F8A6B7C8D9E0F1A2B-0-7",
        "0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b-0-7",
    ] {
        assert!(text.parse::<Position>().is_err(), "{text}");
    }
}
