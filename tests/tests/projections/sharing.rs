//! Workers share the projections: each is kept by one at a time, equally, and by another when one is gone.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use events::SealedText;
use events::clock::SystemClock;
use events::sealed::SealedField;
use gateway::config::NatsRole;
use gateway::store::leases::FleetLeases;
use gateway::vault::MasterKey;
use keyledger_tests::poll;
use keyledger_tests::servers::Nats;
use projections::Projection;
use projections::lease::{Held, Holding, Lease, LeaseStore, Leasing, Worker, entry};
use projections::postgres::text::{Unseal, UnsealError};
use sqlx::Connection;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::following::publish;
use crate::stage::{Stage, Tape, furthest_behind, uuid};

const BOUND: Duration = Duration::from_secs(40);
const LEASE: Duration = Duration::from_secs(2);

async fn leases(nats: &Nats) -> Arc<FleetLeases> {
    Arc::new(FleetLeases::new(nats.connect(NatsRole::Worker.as_str()).await))
}

async fn join(nats: &Nats, tasks: &mut JoinSet<()>, cancel: &CancellationToken) -> (Uuid, Held) {
    let worker = Worker {
        id: uuid(),
        name: "test".to_owned(),
        lease: LEASE,
        shared: Projection::ALL.map(Projection::as_str).to_vec(),
    };
    let id = worker.id;
    let (tell, held) = Holding::new();
    let leasing = Leasing::new(leases(nats).await, Arc::new(SystemClock), worker, tell);
    tasks.spawn(leasing.run(cancel.clone()));
    (id, held)
}

/// Waits until all is held, by these workers, in equal shares.
async fn until_shared_by(held: &[&Held]) -> Duration {
    let (_, took) = poll::until("equal shares", BOUND, async || {
        let shares: Vec<_> = held.iter().map(|held| held.now().len()).collect();
        let (least, most) = (shares.iter().min().unwrap(), shares.iter().max().unwrap());
        if shares.iter().sum::<usize>() == Projection::ALL.len() && most - least <= 1 {
            Ok(())
        } else {
            Err(shares)
        }
    })
    .await;
    took
}

#[tokio::test]
async fn live_workers_hold_equal_shares_and_take_over_what_another_leaves() {
    let nats = Nats::set_up().await;
    let (mut tasks, mut doomed) = (JoinSet::new(), JoinSet::new());
    let [end, never] = [(); 2].map(|()| CancellationToken::new());
    let (_, first) = join(&nats, &mut tasks, &end).await;
    until_shared_by(&[&first]).await;
    let (_, second) = join(&nats, &mut tasks, &never).await;
    until_shared_by(&[&first, &second]).await;
    let (third_id, third) = join(&nats, &mut doomed, &never).await;
    until_shared_by(&[&first, &second, &third]).await;

    // Gone without a word.
    doomed.shutdown().await;
    let took = until_shared_by(&[&first, &second]).await;
    eprintln!("after {took:?} the others held what a silent worker had held; a lease is {LEASE:?}");
    assert!(took > LEASE / 2, "it was not waited for: {took:?}");

    // Ended in good order.
    end.cancel();
    let took = until_shared_by(&[&second]).await;
    eprintln!("after {took:?} the other held what an ending worker had held");
    let store = leases(&nats).await;
    for projection in Projection::ALL {
        let stored = store.read(&entry(projection.as_str())).await.unwrap().unwrap();
        let lease: Lease = serde_json::from_slice(&stored.value).unwrap();
        assert!(lease.holder.is_some_and(|holder| holder != third_id), "{lease:?}");
    }
    tasks.shutdown().await;
}

/// A vault without any key.
struct AllForgotten;

#[async_trait::async_trait]
impl Unseal for AllForgotten {
    async fn open(&self, _field: &SealedField, _text: &SealedText) -> Result<Option<String>, UnsealError> {
        Ok(None)
    }
}

/// `keyledger serve --roles worker`, a process of its own.
fn spawn(nats: &Nats, postgres: &str, key: &Path) -> Child {
    let credentials = nats.credentials(NatsRole::Worker.as_str());
    Command::new(keyledger())
        .args(["serve", "--roles", "worker"])
        .env_clear()
        .env("KEYLEDGER_PUBLIC_URL", "https://mcp.example.com")
        .env("KEYLEDGER_LISTEN__METRICS", "127.0.0.1:0")
        .env("KEYLEDGER_FLEET__LEASE_MS", LEASE.as_millis().to_string())
        .env("KEYLEDGER_NATS__URL", nats.url())
        .env("KEYLEDGER_NATS__USERS__WORKER__USER", credentials.user)
        .env("KEYLEDGER_NATS__USERS__WORKER__PASSWORD", credentials.password)
        .env("KEYLEDGER_POSTGRES__URL", postgres)
        .env("KEYLEDGER_VAULT__PEOPLE_KEY_FILE", key)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Beside this test's binary.
fn keyledger() -> std::path::PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().parent().unwrap().join("keyledger")
}

async fn holders(store: &FleetLeases) -> Vec<(&'static str, Option<Uuid>)> {
    let mut holders = Vec::new();
    for projection in Projection::ALL {
        let stored = store.read(&entry(projection.as_str())).await.unwrap();
        let lease = stored.map(|stored| serde_json::from_slice::<Lease>(&stored.value).unwrap());
        holders.push((projection.as_str(), lease.and_then(|lease| lease.holder)));
    }
    holders
}

/// It is killed while PostgreSQL holds its batches open: between the checkpoint and the rows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_killed_in_mid_batch_leaves_nothing_twice_and_nothing_missing() {
    let (nats, stage) = (Nats::set_up().await, Stage::new().await);
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("people.key");
    MasterKey::read_or_create(&key, &events::clock::SystemRandom).unwrap();
    let mut tape = Tape::new();
    tape.fill(20);
    publish(&nats, &tape.messages).await;
    let store = leases(&nats).await;

    let mut first = spawn(&nats, &stage.url(), &key);
    let before = tape.messages.len();
    poll::until("the first worker keeps them", BOUND, async || match furthest_behind(&stage.pool).await {
        Ok(Some(checkpoint)) if checkpoint.sequence == before as u64 => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    let held_by = holders(&store).await;
    assert!(held_by.iter().all(|(_, holder)| holder.is_some() && *holder == held_by[0].1), "{held_by:?}");

    // Rows can't be written: each batch stays open behind its moved checkpoint.
    let mut locking = sqlx::PgConnection::connect(&stage.url()).await.unwrap();
    let mut locked = locking.begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE organizations, servers, keys, history IN EXCLUSIVE MODE")
        .execute(&mut *locked)
        .await
        .unwrap();
    tape.fill(20);
    publish(&nats, &tape.messages[before..]).await;
    poll::until("batches stand in the middle", BOUND, async || {
        let waiting: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'RowExclusiveLock' \
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        )
        .fetch_one(stage.pool.inner())
        .await
        .unwrap();
        if waiting == 4 { Ok(()) } else { Err(waiting) }
    })
    .await;
    first.start_kill().unwrap();
    first.wait().await.unwrap();
    let mut second = spawn(&nats, &stage.url(), &key);
    locked.rollback().await.unwrap();

    let end = tape.messages.len() as u64;
    let (_, took) =
        poll::until("the second worker goes on", BOUND, async || match furthest_behind(&stage.pool).await {
            Ok(Some(checkpoint)) if checkpoint.sequence == end => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
    eprintln!("a worker's start after the kill of another to all caught up: {took:?}");
    let log = nats.log(NatsRole::Worker).await.unwrap();
    let expected = Stage::new().await;
    let messages = read_all(&log, tape.messages.len()).await;
    expected.projectors(Arc::new(AllForgotten)).project(tape.log, &mut None, &messages).await.unwrap();
    assert_eq!(stage.dump().await, expected.dump().await);
    second.start_kill().unwrap();
    second.wait().await.unwrap();
}

pub async fn read_all(log: &dyn events::log::Log, count: usize) -> Vec<events::log::Stored> {
    use futures::StreamExt;
    log.follow(None).await.unwrap().take(count).map(Result::unwrap).collect().await
}
