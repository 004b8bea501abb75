//! The tables of a version before this one become this one's, with what they hold.

use projections::{Projection, checkpoint, parked};

use crate::stage::{Stage, Tape};

/// The first version kept all read models under one checkpoint.
#[tokio::test]
async fn one_checkpoint_for_all_becomes_each_projections_and_what_waited_waits_where_it_matters() {
    let stage = Stage::new().await;
    let (log, event) = (Tape::new().log, crate::stage::uuid());
    let subject = |rest: &str| format!("kl.events.0.{rest}.{}", crate::stage::uuid());
    let (key, policy) = (subject("_.key"), subject("_.policy"));
    let before = format!(
        "DROP TABLE checkpoints, parked_events, organizations, servers, keys, history;
         DELETE FROM _sqlx_migrations;
         {}{}{}{}{}
         INSERT INTO checkpoints VALUES ('read_models', '{log}', 7, '{event}', now());
         INSERT INTO parked_events VALUES (3, '{key}', '{event}', 'key.transmuted', 1, now(), 'unknown'),
                                          (5, '{policy}', '{event}', 'policy.set', 1, now(), 'unknown');",
        include_str!("../../../migrations/0001_follower.sql"),
        include_str!("../../../migrations/0002_organization.sql"),
        include_str!("../../../migrations/0003_server.sql"),
        include_str!("../../../migrations/0004_key.sql"),
        include_str!("../../../migrations/0005_history.sql"),
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(before)).execute(stage.pool.inner()).await.unwrap();
    let newest = include_str!("../../../migrations/0006_projections.sql");
    sqlx::raw_sql(newest).execute(stage.pool.inner()).await.unwrap();

    for (projection, checkpoint) in checkpoint::all(&stage.pool).await.unwrap() {
        let checkpoint = checkpoint.unwrap_or_else(|| panic!("{projection} has no checkpoint"));
        assert_eq!((checkpoint.log, checkpoint.sequence), (log, 7), "{projection}");
    }
    for (projection, expected) in [
        (Projection::Organizations, vec![]),
        (Projection::Servers, vec![]),
        (Projection::Keys, vec![3]),
        (Projection::History, vec![3, 5]),
    ] {
        let waiting = parked::list(&stage.pool, projection).await.unwrap().first;
        let waiting: Vec<_> = waiting.iter().map(|event| event.sequence).collect();
        assert_eq!(waiting, expected, "{projection}");
    }
}
