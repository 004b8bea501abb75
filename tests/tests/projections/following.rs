//! The worker on a real log: cut off, without its database, without its vault, before another log.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use events::key::{Disabled, KeyEvent, Revoked};
use events::log::Log;
use events::sealed::SealedField;
use events::{KeyId, OrganizationId, Owner, SealedText, Subject};
use futures::StreamExt;
use gateway::config::NatsRole;
use gateway::dev::nats::Credentials;
use gateway::vault::MasterKey;
use keyledger_tests::poll;
use keyledger_tests::servers::{Nats, Postgres, ROOT};
use projections::postgres::text::{Unseal, UnsealError};
use projections::postgres::{self, Pool};
use projections::runner::{Projector, ProjectorConfig, ProjectorState};
use projections::{Projection, parked};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::stage::{Plain, Stage, Tape, furthest_behind, issued, sealed, uuid};

const BOUND: Duration = Duration::from_secs(40);

/// Puts messages into the log.
pub async fn publish(nats: &Nats, messages: &[events::log::Stored]) {
    let stream = async_nats::jetstream::new(nats.connect(ROOT).await);
    for message in messages {
        let stored = stream.publish(message.subject.clone(), message.payload.clone()).await.unwrap();
        assert_eq!(stored.await.unwrap().sequence, message.sequence);
    }
}

/// A worker that keeps every projection.
async fn worker(nats: &Nats, pool: &Pool, unseal: Arc<dyn Unseal>) -> Vec<Arc<Projector>> {
    let config = ProjectorConfig { batch: 3, max_pause: Duration::from_millis(300) };
    let log: Arc<dyn Log> = Arc::new(nats.log(NatsRole::Worker).await.unwrap());
    let projector = |projection| {
        Arc::new(Projector::new(projection, Arc::clone(&log), pool.clone(), Arc::clone(&unseal), config))
    };
    Projection::ALL.map(projector).into()
}

fn start(tasks: &mut JoinSet<()>, worker: &[Arc<Projector>]) -> tokio::task::AbortHandle {
    let worker = worker.to_vec();
    tasks.spawn(async move {
        let run = worker.iter().map(|projector| projector.run(CancellationToken::new()));
        futures::future::join_all(run).await;
    })
}

async fn until_at(pool: &Pool, sequence: u64) {
    poll::until("the read models come along", BOUND, async || match furthest_behind(pool).await {
        Ok(Some(checkpoint)) if checkpoint.sequence >= sequence => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
}

async fn until_state(worker: &[Arc<Projector>], wanted: impl Fn(&ProjectorState) -> bool) {
    for projector in worker {
        let mut state = projector.state();
        poll::within("the worker's state", BOUND, state.wait_for(&wanted)).await.unwrap();
    }
}

#[tokio::test]
async fn a_worker_that_is_cut_off_goes_on_where_it_was() {
    let (nats, stage) = (Nats::set_up().await, Stage::new().await);
    let mut tape = Tape::new();
    tape.fill(12);
    publish(&nats, &tape.messages).await;
    let mut tasks = JoinSet::new();
    let end = tape.messages.len() as u64;
    for target in [1, 10, 11, 40, end] {
        let worker = worker(&nats, &stage.pool, Arc::new(Plain)).await;
        let running = start(&mut tasks, &worker);
        until_at(&stage.pool, target).await;
        running.abort();
        assert!(tasks.join_next().await.unwrap().unwrap_err().is_cancelled());
    }
    // What the log holds, in one go.
    let log = nats.log(NatsRole::Worker).await.unwrap();
    let messages: Vec<_> =
        log.follow(None).await.unwrap().take(tape.messages.len()).map(Result::unwrap).collect().await;
    let once = Stage::new().await;
    once.projector().project(tape.log, &mut None, &messages).await.unwrap();
    assert_eq!(stage.dump().await, once.dump().await);
}

#[tokio::test]
async fn postgresql_stopped_holds_up_the_worker_until_it_is_back() {
    let nats = Nats::set_up().await;
    let mut postgres = Postgres::own().await;
    let pool = postgres::connect(&postgres.url(), 4).unwrap();
    let mut tape = Tape::new();
    tape.fill(2);
    publish(&nats, &tape.messages).await;
    let worker = worker(&nats, &pool, Arc::new(Plain)).await;
    let mut tasks = JoinSet::new();
    start(&mut tasks, &worker);
    let before = tape.messages.len();
    until_at(&pool, before as u64).await;

    postgres.stop().await;
    tape.fill(2);
    publish(&nats, &tape.messages[before..]).await;
    until_state(&worker, |state| matches!(state, ProjectorState::Waiting(_))).await;
    assert!(tasks.try_join_next().is_none(), "the worker lives");

    postgres.start_again().await;
    until_at(&pool, tape.messages.len() as u64).await;
    until_state(&worker, |state| *state == ProjectorState::Following).await;
    tasks.shutdown().await;
    pool.close().await;
}

#[tokio::test]
async fn a_projection_goes_on_only_when_what_is_owed_was_taken_in() {
    let (nats, stage) = (Nats::set_up().await, Stage::new().await);
    let mut tape = Tape::new();
    tape.fill(2);
    publish(&nats, &tape.messages).await;
    let all = worker(&nats, &stage.pool, Arc::new(Plain)).await;
    let keys: Vec<_> = all.into_iter().filter(|it| it.projection() == Projection::Keys).collect();
    let mut tasks = JoinSet::new();
    start(&mut tasks, &keys);
    let end = tape.messages.len() as u64;
    poll::until("it has all", BOUND, async || {
        match projections::checkpoint::read(&stage.pool, Projection::Keys).await {
            Ok(Some(at)) if at.sequence == end => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    until_state(&keys, |state| *state == ProjectorState::Following).await;
    let mut state = keys[0].state();
    // Its checkpoint can be read, and no key be stored.
    let run = async |sql: &'static str| sqlx::raw_sql(sql).execute(stage.pool.inner()).await.unwrap();
    run("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN RAISE insufficient_privilege USING MESSAGE = 'permission denied for table keys'; END $$; \
         CREATE TRIGGER refuse BEFORE INSERT ON keys EXECUTE FUNCTION refuse()")
    .await;
    tape.key(Owner::Installation, KeyId::new(uuid()), issued("refused"));
    publish(&nats, &tape.messages[tape.messages.len() - 1..]).await;
    for _ in 0..3 {
        poll::within("the next state", BOUND, state.changed()).await.unwrap();
        let now = state.borrow_and_update().clone();
        assert!(matches!(&now, ProjectorState::Waiting(why) if why.contains("GRANT")), "{now:?}");
    }
    run("DROP TRIGGER refuse ON keys").await;
    until_state(&keys, |state| *state == ProjectorState::Following).await;
    tasks.shutdown().await;
}

/// Opens nothing so many times.
struct Shut(AtomicU32);

#[async_trait]
impl Unseal for Shut {
    async fn open(&self, field: &SealedField, text: &SealedText) -> Result<Option<String>, UnsealError> {
        if self.0.fetch_sub(1, Ordering::Relaxed) > 1 {
            return Err(UnsealError::Unavailable("not now".into()));
        }
        self.0.store(0, Ordering::Relaxed);
        Plain.open(field, text).await
    }
}

#[tokio::test]
async fn a_vault_that_does_not_answer_forgets_no_text() {
    let (nats, stage) = (Nats::set_up().await, Stage::new().await);
    let mut tape = Tape::new();
    tape.fill(1);
    publish(&nats, &tape.messages).await;
    let worker = worker(&nats, &stage.pool, Arc::new(Shut(AtomicU32::new(3)))).await;
    let mut tasks = JoinSet::new();
    start(&mut tasks, &worker);
    until_at(&stage.pool, tape.messages.len() as u64).await;
    tasks.shutdown().await;
    let names: Vec<Option<String>> =
        sqlx::query_scalar("SELECT name FROM organizations UNION ALL SELECT name FROM keys")
            .fetch_all(stage.pool.inner())
            .await
            .unwrap();
    assert_eq!(names.len(), 4);
    assert!(names.iter().all(Option::is_some), "{names:?}");
}

/// `keyledger projections …`, as a worker.
async fn projections(nats: &str, user: Credentials, postgres: String, args: &[&str]) -> ExitCode {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("people.key");
    MasterKey::read_or_create(&key, &events::clock::SystemRandom).unwrap();
    let environment = [
        ("KEYLEDGER_PUBLIC_URL", "https://mcp.example.com"),
        ("KEYLEDGER_NATS__URL", nats),
        ("KEYLEDGER_NATS__USERS__WORKER__USER", &user.user),
        ("KEYLEDGER_NATS__USERS__WORKER__PASSWORD", &user.password),
        ("KEYLEDGER_POSTGRES__URL", &postgres),
        ("KEYLEDGER_VAULT__PEOPLE_KEY_FILE", key.to_str().unwrap()),
        // What the configuration's other roles lack is nothing to it.
        ("KEYLEDGER_ROLES", "node"),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let args: Vec<_> = ["keyledger", "projections"].iter().chain(args).map(Into::into).collect();
    tokio::task::spawn_blocking(move || gateway::cli::run(args, &environment)).await.unwrap()
}

#[tokio::test]
async fn without_a_database_or_an_installation_nothing_is_a_success() {
    let (nats, stage) = (Nats::set_up().await, Stage::new().await);
    let run = async |postgres: &str, args: &[&str]| {
        projections(&nats.url(), nats.credentials("worker"), postgres.to_owned(), args).await
    };
    let all = ["rebuild", "--all"];
    assert_eq!(run("postgres://keyledger@127.0.0.1:1/keyledger", &all).await, ExitCode::from(3));
    assert_eq!(run("postgres://keyledger@db.example.com/keyledger", &all).await, ExitCode::from(2));
    assert_eq!(run(&stage.url(), &["rebuild", "policies"]).await, ExitCode::from(2));
    assert_eq!(run(&stage.url(), &["rebuild"]).await, ExitCode::from(2));
    assert_eq!(run(&stage.url(), &all).await, ExitCode::from(3), "no installation lives in this log yet");
}

/// The worker says that the log is another one, stores nothing, and goes on after a rebuild.
async fn diverges(nats: &Nats, stage: &Stage, end: u64) {
    let before = stage.dump().await;
    let worker = worker(nats, &stage.pool, Arc::new(Plain)).await;
    let mut tasks = JoinSet::new();
    start(&mut tasks, &worker);
    until_state(&worker, |state| matches!(state, ProjectorState::Diverged(_))).await;
    assert_eq!(stage.dump().await, before);
    let run =
        async |args: &[&str]| projections(&nats.url(), nats.credentials("worker"), stage.url(), args).await;
    assert_eq!(run(&["rebuild", "--all"]).await, ExitCode::from(1), "what is lost must be accepted");
    assert_eq!(stage.dump().await, before);
    assert_eq!(run(&["rebuild", "--all", "--accept-difference"]).await, ExitCode::SUCCESS);
    assert_eq!(run(&["list"]).await, ExitCode::SUCCESS);
    until_at(&stage.pool, end).await;
    until_state(&worker, |state| *state == ProjectorState::Following).await;
    tasks.shutdown().await;
}

#[tokio::test]
async fn tables_built_from_another_log_are_left_alone() {
    let (nats, stage) = (Nats::set_up().await, Stage::new().await);
    let (mut one, mut other) = (Tape::new(), Tape::new());
    one.fill(1);
    other.fill(2);
    stage.projector().project(one.log, &mut None, &one.messages).await.unwrap();
    publish(&nats, &other.messages).await;
    diverges(&nats, &stage, other.messages.len() as u64).await;
}

#[tokio::test]
async fn tables_ahead_of_a_log_that_lost_its_tail_are_left_alone() {
    let (nats, stage) = (Nats::set_up().await, Stage::new().await);
    let mut tape = Tape::new();
    tape.fill(2);
    stage.projector().project(tape.log, &mut None, &tape.messages).await.unwrap();
    let kept = tape.messages.len() - 3;
    publish(&nats, &tape.messages[..kept]).await;
    diverges(&nats, &stage, kept as u64).await;
}

#[tokio::test]
async fn two_workers_at_once_give_what_one_gives() {
    let (nats, stage) = (Nats::set_up().await, Stage::new().await);
    let mut tape = Tape::new();
    tape.fill(8);
    let mut tasks = JoinSet::new();
    for _ in 0..2 {
        let worker = worker(&nats, &stage.pool, Arc::new(Plain)).await;
        start(&mut tasks, &worker);
    }
    publish(&nats, &tape.messages).await;
    until_at(&stage.pool, tape.messages.len() as u64).await;
    tasks.shutdown().await;
    let rows: i64 =
        sqlx::query_scalar("SELECT count(*) FROM history").fetch_one(stage.pool.inner()).await.unwrap();
    assert_eq!(rows, i64::try_from(tape.messages.len()).unwrap());
}

/// Two keys with an event that a version before this one could not read, and one that this one can't either: they
/// wait with what follows. Last comes a copy, which waits for good, and not what is before it.
async fn parked() -> (Nats, Stage, Stage) {
    let (nats, stage) = (Nats::set_up().await, Stage::new().await);
    let mut tape = Tape::new();
    let owner = Owner::Organization(OrganizationId::new(uuid()));
    let (readable, not_yet) = (KeyId::new(uuid()), KeyId::new(uuid()));
    for id in [readable, not_yet] {
        tape.key(owner, id, issued("a key"));
    }
    tape.unreadable(&Subject::key(owner, not_yet));
    tape.key(owner, readable, KeyEvent::Disabled(Disabled { reason: None }));
    tape.key(owner, readable, KeyEvent::Revoked(Revoked { reason: Some(sealed("lost")) }));
    let copy = tape.messages[1].payload.to_vec();
    tape.store(&Subject::key(owner, readable), copy);
    publish(&nats, &tape.messages).await;
    let log = nats.log(NatsRole::Worker).await.unwrap();
    let mut messages = crate::sharing::read_all(&log, tape.messages.len()).await;
    let expected = Stage::new().await;
    expected.projector().project(tape.log, &mut None, &messages).await.unwrap();

    let disabled = &mut messages[4];
    let payload = String::from_utf8(disabled.payload.to_vec()).unwrap();
    disabled.payload = payload.replace("key.disabled", "key.paused").into_bytes().into();
    stage.projector().project(tape.log, &mut None, &messages).await.unwrap();
    waiting_are(&stage, 4).await;
    assert_eq!(parked::count(&stage.pool, Projection::Servers).await.unwrap(), 0, "no matter of theirs");
    (nats, stage, expected)
}

async fn waiting_are(stage: &Stage, count: u64) {
    for projection in [Projection::Keys, Projection::History] {
        assert_eq!(parked::count(&stage.pool, projection).await.unwrap(), count, "{projection}");
    }
}

#[tokio::test]
async fn parked_events_are_taken_in_once_they_can_be_read() {
    let (nats, stage, expected) = parked().await;
    let worker = worker(&nats, &stage.pool, Arc::new(Plain)).await;
    let mut tasks = JoinSet::new();
    start(&mut tasks, &worker);
    until_state(&worker, |state| *state == ProjectorState::Following).await;
    tasks.shutdown().await;
    waiting_are(&stage, 2).await;
    assert_eq!(stage.dump().await, expected.dump().await);
}

/// An operator need not wait for a worker's start.
#[tokio::test]
async fn parked_events_are_shown_and_retried_without_a_workers_start() {
    let (nats, stage, expected) = parked().await;
    let run =
        async |args: &[&str]| projections(&nats.url(), nats.credentials("worker"), stage.url(), args).await;
    assert_eq!(run(&["parked", "list"]).await, ExitCode::SUCCESS);
    assert_eq!(run(&["parked", "show", "keys", "4"]).await, ExitCode::SUCCESS);
    assert_eq!(run(&["parked", "show", "keys", "1"]).await, ExitCode::from(1), "it does not wait");
    assert_eq!(run(&["parked", "show", "servers", "4"]).await, ExitCode::from(1), "not there");
    assert_eq!(run(&["parked", "retry", "keys", "4"]).await, ExitCode::SUCCESS, "4 still can't be read");
    waiting_are(&stage, 4).await;
    for projector in worker(&nats, &stage.pool, Arc::new(Plain)).await {
        let retried = projector.retry_parked(None).await.unwrap();
        let took_in = match projector.projection() {
            Projection::Keys | Projection::History => (0, 2, 2),
            Projection::Organizations
            | Projection::Servers
            | Projection::Webhooks
            | Projection::People
            | Projection::Members
            | Projection::Invitations
            | Projection::Issuers
            | Projection::Clients
            | Projection::Approvals => (0, 0, 0),
        };
        let taken = (retried.aggregates, retried.events, retried.waiting);
        assert_eq!(taken, took_in, "{}", projector.projection());
    }
    waiting_are(&stage, 2).await;
    assert_eq!(stage.dump().await, expected.dump().await);
}

/// One aggregate with more than is looked at waits before all others.
#[tokio::test]
async fn an_aggregate_is_taken_in_however_much_waits_before_it() {
    let (nats, stage, expected) = parked().await;
    let pool = stage.pool.inner();
    sqlx::query(
        "INSERT INTO parked_events (projection, sequence, subject, event, kind, schema_version, stored_at, reason) \
         SELECT projection, -number, 'another', event, kind, schema_version, stored_at, reason \
         FROM parked_events, generate_series(1, 10001) number WHERE sequence = 5",
    )
    .execute(pool)
    .await
    .unwrap();
    let subject = sqlx::query_scalar("SELECT DISTINCT subject FROM parked_events WHERE sequence = 5");
    let subject: String = subject.fetch_one(pool).await.unwrap();
    for projector in worker(&nats, &stage.pool, Arc::new(Plain)).await {
        let (only, taken_in) = match projector.projection() {
            Projection::Keys => (Some(&*subject), (0, 2)),
            Projection::History => (None, (0, 2)),
            Projection::Organizations
            | Projection::Servers
            | Projection::Webhooks
            | Projection::People
            | Projection::Members
            | Projection::Invitations
            | Projection::Issuers
            | Projection::Clients
            | Projection::Approvals => (None, (0, 0)),
        };
        let retried = projector.retry_parked(only).await.unwrap();
        assert_eq!((retried.aggregates, retried.events), taken_in, "{}", projector.projection());
    }
    sqlx::query("DELETE FROM parked_events WHERE subject = 'another'").execute(pool).await.unwrap();
    assert_eq!(stage.dump().await, expected.dump().await);
}
