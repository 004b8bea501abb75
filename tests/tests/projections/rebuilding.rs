//! A projection is built anew beside the live one, compared with it, and put in its place while reads go on.

use std::sync::Arc;
use std::time::Duration;

use events::log::Log;
use gateway::config::NatsRole;
use keyledger_tests::poll;
use keyledger_tests::servers::Nats;
use projections::postgres::{PageQuery, organization};
use projections::rebuild::{self, Kind, Progress, Rebuild, RebuildError, Rebuilt};
use projections::runner::{Projector, ProjectorConfig};
use projections::{Projection, checkpoint};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::following::publish;
use crate::stage::{Plain, Stage, Tape};

const BOUND: Duration = Duration::from_secs(40);
const CONFIG: ProjectorConfig = ProjectorConfig { batch: 5, max_pause: Duration::from_millis(300) };

/// A log of so many organizations, projected.
async fn projected(organizations: usize) -> (Nats, Stage, Tape) {
    let (nats, stage) = (Nats::set_up().await, Stage::new().await);
    let mut tape = Tape::new();
    tape.fill(organizations);
    publish(&nats, &tape.messages).await;
    // As the log has them: with its own times.
    let log = nats.log(NatsRole::Worker).await.unwrap();
    let messages = crate::sharing::read_all(&log, tape.messages.len()).await;
    stage.projector().project(tape.log, &mut None, &messages).await.unwrap();
    (nats, stage, tape)
}

async fn rebuild(nats: &Nats, stage: &Stage, projection: Projection, accept_difference: bool) -> Rebuild {
    let log: Arc<dyn Log> = Arc::new(nats.log(NatsRole::Worker).await.unwrap());
    let (pool, unseal) = (stage.pool.clone(), Arc::new(Plain));
    Rebuild { projection, log, pool, unseal, config: CONFIG, accept_difference }
}

fn is_equal(rebuilt: &Rebuilt) -> bool {
    rebuilt.compared.as_ref().is_some_and(rebuild::Comparison::is_equal)
}

async fn table_of(stage: &Stage, projection: Projection) -> i64 {
    let sql = "SELECT $1::text::regclass::oid::bigint";
    sqlx::query_scalar(sql).bind(projection.as_str()).fetch_one(stage.pool.inner()).await.unwrap()
}

async fn schemas(stage: &Stage) -> i64 {
    let sql = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'keyledger_rebuild_%'";
    sqlx::query_scalar(sql).fetch_one(stage.pool.inner()).await.unwrap()
}

#[tokio::test]
async fn each_projection_rebuilt_equals_the_live_one_and_takes_its_place() {
    let (nats, stage, _tape) = projected(6).await;
    let before = stage.dump().await;
    for projection in Projection::ALL {
        let old = table_of(&stage, projection).await;
        let done = rebuild(&nats, &stage, projection, false).await.run(|_| ()).await.unwrap();
        assert!(is_equal(&done) && done.resumed_after == 0, "{done:?}");
        assert_ne!(table_of(&stage, projection).await, old, "another table");
    }
    assert_eq!(stage.dump().await, before);
    assert_eq!(schemas(&stage).await, 0, "nothing is left of it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_and_the_worker_go_on_while_it_is_switched() {
    let (nats, stage, mut tape) = projected(10).await;
    let cancel = CancellationToken::new();
    let mut tasks = JoinSet::new();
    let log: Arc<dyn Log> = Arc::new(nats.log(NatsRole::Worker).await.unwrap());
    let projection = Projection::Organizations;
    let worker = Projector::new(projection, log, stage.pool.clone(), Arc::new(Plain), CONFIG);
    let until = cancel.clone();
    tasks.spawn(async move { worker.run(until).await });
    let mut reading = JoinSet::new();
    for _ in 0..2 {
        let (pool, cancel) = (stage.pool.clone(), cancel.clone());
        reading.spawn(async move {
            let mut reads = 0;
            while !cancel.is_cancelled() {
                let page = organization::list(&pool, &PageQuery::new(100, None)).await.unwrap();
                assert!(page.items.len() >= 10, "a read found {} organizations", page.items.len());
                reads += 1;
            }
            reads
        });
    }
    for _ in 0..5 {
        let written = tape.messages.len();
        tape.fill(2);
        let old = table_of(&stage, projection).await;
        let rebuild = rebuild(&nats, &stage, projection, false).await;
        let (done, ()) = tokio::join!(rebuild.run(|_| ()), publish(&nats, &tape.messages[written..]));
        assert!(is_equal(&done.unwrap()));
        assert_ne!(table_of(&stage, projection).await, old);
    }
    let end = tape.messages.len() as u64;
    poll::until("the worker follows the new table", BOUND, async || {
        match checkpoint::read(&stage.pool, projection).await.unwrap() {
            Some(checkpoint) if checkpoint.sequence == end => Ok(()),
            other => Err(other),
        }
    })
    .await;
    let page = organization::list(&stage.pool, &PageQuery::new(100, None)).await.unwrap();
    assert_eq!(page.items.len(), 20);
    cancel.cancel();
    let reads: u32 = reading.join_all().await.into_iter().sum();
    eprintln!("{reads} reads over five switches, none refused");
    tasks.join_all().await;
}

#[tokio::test]
async fn a_difference_is_told_and_switched_only_when_it_is_accepted() {
    let (nats, stage, _tape) = projected(3).await;
    let right = stage.dump().await;
    let keys: Vec<uuid::Uuid> =
        sqlx::query_scalar("SELECT id FROM keys ORDER BY id").fetch_all(stage.pool.inner()).await.unwrap();
    sqlx::query("DELETE FROM keys WHERE id = $1").bind(keys[2]).execute(stage.pool.inner()).await.unwrap();
    sqlx::query("UPDATE keys SET last_four = 'XXXX' WHERE id = $1")
        .bind(keys[5])
        .execute(stage.pool.inner())
        .await
        .unwrap();
    sqlx::query(
        "INSERT INTO keys SELECT 'ffffffff-0000-0000-0000-000000000000', owner, secret_id, key_owner, environment, \
         prefix, last_four, state, not_before, expires_at, scopes, issued_by, name, metadata, reason, created_at, \
         updated_at, revoked_at, 999, changed FROM keys WHERE id = $1",
    )
    .bind(keys[0])
    .execute(stage.pool.inner())
    .await
    .unwrap();

    let refused = rebuild(&nats, &stage, Projection::Keys, false).await.run(|_| ()).await;
    let Err(RebuildError::Differs(_, found)) = refused else { panic!("{refused:?}") };
    assert_eq!((found.missing_in_live, found.changed, found.missing_in_copy), (1, 1, 1), "{found}");
    let told: Vec<_> = found.first.iter().map(|it| (it.key.as_str(), it.kind)).collect();
    let [missing, changed] = [keys[2], keys[5]].map(|id| id.to_string());
    assert_eq!(
        told,
        [
            (&*missing, Kind::MissingInLive),
            (&*changed, Kind::Changed),
            ("ffffffff-0000-0000-0000-000000000000", Kind::MissingInCopy),
        ]
    );
    assert_ne!(found.live.digest, found.copy.digest);

    // The copy is there already.
    let mut filled = 0;
    let accepted = rebuild(&nats, &stage, Projection::Keys, true).await;
    let done =
        accepted.run(|progress| filled += u32::from(matches!(progress, Progress::Filling { .. }))).await;
    assert!(!is_equal(&done.unwrap()));
    assert_eq!(filled, 0);
    assert_eq!(stage.dump().await, right);
}

#[tokio::test]
async fn interrupted_it_goes_on_where_it_was() {
    let (nats, stage, tape) = projected(6).await;
    let interrupted = CancellationToken::new();
    let first = rebuild(&nats, &stage, Projection::History, false).await;
    let run = first.run(|progress| {
        if matches!(progress, Progress::Filling { done: 20.., .. }) {
            interrupted.cancel();
        }
    });
    assert!(interrupted.run_until_cancelled(Box::pin(run)).await.is_none(), "it was not interrupted");
    let copy = rebuild::unfinished(&stage.pool, Projection::History).await.unwrap().unwrap();
    assert!((20..tape.messages.len() as u64).contains(&copy.applied), "{copy:?}");
    let (done, _) = poll::until("the interrupted one's lock is gone", BOUND, async || {
        rebuild(&nats, &stage, Projection::History, false).await.run(|_| ()).await
    })
    .await;
    assert!(is_equal(&done) && done.resumed_after >= 20, "{done:?}");
}

#[tokio::test]
async fn two_at_once_are_refused_and_an_unfinished_copy_can_be_thrown_away() {
    let (nats, stage, _tape) = projected(2).await;
    let second = rebuild(&nats, &stage, Projection::Servers, false).await;
    let other = rebuild(&nats, &stage, Projection::Keys, false).await;
    let (tell, mut told) = tokio::sync::watch::channel(false);
    let first = rebuild(&nats, &stage, Projection::Servers, false).await;
    let run = first.run(|_| {
        tell.send_replace(true);
    });
    tokio::pin!(run);
    // Stopped after its first batch.
    tokio::select! {
        done = &mut run => panic!("{done:?}"),
        _ = told.changed() => {}
    }
    let refused = second.run(|_| ()).await;
    assert!(matches!(refused, Err(RebuildError::AlreadyRunning(Projection::Servers))), "{refused:?}");
    assert!(matches!(
        rebuild::discard(&stage.pool, Projection::Servers).await,
        Err(RebuildError::AlreadyRunning(_))
    ));
    other.run(|_| ()).await.unwrap();
    run.await.unwrap();
    assert!(!rebuild::discard(&stage.pool, Projection::Servers).await.unwrap(), "it was switched");

    sqlx::query("DELETE FROM servers").execute(stage.pool.inner()).await.unwrap();
    let differs = rebuild(&nats, &stage, Projection::Servers, false).await.run(|_| ()).await;
    assert!(matches!(differs, Err(RebuildError::Differs(..))), "{differs:?}");
    assert!(rebuild::discard(&stage.pool, Projection::Servers).await.unwrap());
    assert_eq!(schemas(&stage).await, 0);
}

/// A rebuild that did not follow the live one was interrupted, and the live one is behind what it has left.
#[tokio::test]
async fn a_copy_that_is_ahead_is_compared_once_the_live_one_is_there() {
    let (nats, stage) = (Nats::set_up().await, Stage::new().await);
    let mut tape = Tape::new();
    tape.fill(6);
    publish(&nats, &tape.messages).await;
    let log = nats.log(NatsRole::Worker).await.unwrap();
    let messages = crate::sharing::read_all(&log, tape.messages.len()).await;
    let interrupted = CancellationToken::new();
    let first = rebuild(&nats, &stage, Projection::History, true).await;
    let run = first.run(|progress| {
        if matches!(progress, Progress::Filling { done: 20.., .. }) {
            interrupted.cancel();
        }
    });
    assert!(interrupted.run_until_cancelled(Box::pin(run)).await.is_none(), "it was not interrupted");
    let mut from = None;
    stage.projector().project(tape.log, &mut from, &messages[..10]).await.unwrap();

    let (why, _) = poll::until("the interrupted one's lock is gone", BOUND, async || {
        match rebuild(&nats, &stage, Projection::History, false).await.run(|_| ()).await {
            Err(RebuildError::NotComparable(_, why)) => Ok(why),
            other => Err(other),
        }
    })
    .await;
    assert!(why.contains("--discard"), "{why}");
    stage.projector().project(tape.log, &mut from, &messages[10..]).await.unwrap();
    let done = rebuild(&nats, &stage, Projection::History, false).await.run(|_| ()).await.unwrap();
    assert!(is_equal(&done) && done.resumed_after >= 20, "{done:?}");
}

#[tokio::test]
async fn a_comparison_leaves_everything_as_it_is() {
    let (nats, stage, _tape) = projected(4).await;
    let (before, table) = (stage.dump().await, table_of(&stage, Projection::Organizations).await);
    let rebuild = rebuild(&nats, &stage, Projection::Organizations, false).await;
    assert!(rebuild.only_compare(|_| ()).await.unwrap().is_equal());
    sqlx::query(
        "UPDATE organizations SET name = 'forged' WHERE slug = (SELECT min(slug) FROM organizations)",
    )
    .execute(stage.pool.inner())
    .await
    .unwrap();
    let found = rebuild.only_compare(|_| ()).await.unwrap();
    assert_eq!((found.changed, found.missing_in_copy, found.missing_in_live), (1, 0, 0));
    assert_eq!(table_of(&stage, Projection::Organizations).await, table);
    assert_ne!(stage.dump().await, before, "what was forged stays");
    assert_eq!(schemas(&stage).await, 0);
}
