//! The tables of a version before this one become this one's, with what they hold.

use std::sync::Arc;
use std::time::Duration;

use keyledger_tests::poll;
use projections::origin::{self, ReadModels};
use projections::postgres::{self, ReadModelError};
use projections::{Projection, checkpoint, parked};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::stage::{Nowhere, Stage, Tape};

const BOUND: Duration = Duration::from_secs(20);

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
        // They came later, and begin with the first event.
        if matches!(
            projection,
            Projection::Webhooks
                | Projection::People
                | Projection::Members
                | Projection::Invitations
                | Projection::Issuers
                | Projection::Consents
                | Projection::Grants
                | Projection::Clients
                | Projection::Approvals
        ) {
            assert_eq!(checkpoint, None);
            continue;
        }
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

/// A newer version has brought the tables on while this one runs: it writes nothing, says so, and goes on when it can.
#[tokio::test]
async fn beside_a_newer_versions_tables_a_worker_says_so_and_goes_on_when_it_can() {
    let stage = Stage::new().await;
    let change = async |sql: &'static str| {
        sqlx::raw_sql(sql).execute(stage.pool.inner()).await.unwrap();
    };
    let (tell, mut told) = watch::channel(ReadModels::UNKNOWN);
    let looking =
        origin::keep_looking(Arc::new(Nowhere), stage.pool.clone(), Duration::from_millis(20), tell);
    let mut tasks = JoinSet::new();
    tasks.spawn(looking);
    change("INSERT INTO _sqlx_migrations VALUES (9999, 'of tomorrow', now(), true, 'x', 0)").await;
    let newer = |read_models: &ReadModels| read_models.newer.is_some();
    poll::within("it says so", BOUND, told.wait_for(newer)).await.unwrap();
    let refused = postgres::migrate(&stage.pool).await.unwrap_err();
    assert!(matches!(refused, ReadModelError::NewerSchema { theirs: 9999, .. }), "{refused}");
    assert!(refused.to_string().contains("upgrade this process"), "{refused}");
    // What is there can be read.
    checkpoint::all(&stage.pool).await.unwrap();
    change("DELETE FROM _sqlx_migrations WHERE version = 9999").await;
    poll::within("it goes on", BOUND, told.wait_for(|now| !newer(now))).await.unwrap();
}

#[tokio::test]
async fn who_may_not_change_tables_works_with_those_that_are_there() {
    let stage = Stage::new().await;
    let role = format!("reader_{}", crate::stage::uuid().simple());
    let grants = format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'reader';
         REVOKE CREATE ON SCHEMA public FROM PUBLIC;
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(grants)).execute(stage.pool.inner()).await.unwrap();
    let mut url = url::Url::parse(&stage.url()).unwrap();
    url.set_username(&role).unwrap();
    url.set_password(Some("reader")).unwrap();
    let pool = postgres::connect(url.as_str(), 2).unwrap();
    postgres::migrate(&pool).await.unwrap();
    let refused = sqlx::raw_sql("CREATE TABLE more (one int)").execute(pool.inner()).await;
    assert!(refused.is_err(), "it has no such right");
    pool.close().await;
    let gone = format!("DROP OWNED BY {role}; DROP ROLE {role};");
    sqlx::raw_sql(sqlx::AssertSqlSafe(gone)).execute(stage.pool.inner()).await.unwrap();
}
