//! A directory on a real log: ready when it has caught up, stale when the log is away, closed for good before
//! another log.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use events::clock::SystemClock;
use events::{KeyId, OrganizationId, Owner, Position, Shard};
use gateway::config::NatsRole;
use keyledger_tests::poll;
use keyledger_tests::servers::Nats;
use projections::directory::follow::{self, FollowConfig};
use projections::directory::gate::{Gate, GateConfig};
use projections::directory::proof::NoCheckpoints;
use projections::directory::{Directory, KeyState, NotReady};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::following::publish;
use crate::stage::{Tape, issue, uuid};

const BOUND: Duration = Duration::from_secs(40);

struct Node {
    directory: Arc<Directory>,
    gate: Arc<Gate>,
    cancel: CancellationToken,
    tasks: JoinSet<()>,
}

impl Node {
    async fn start(nats: &Nats) -> Self {
        let log = Arc::new(nats.log(NatsRole::Node).await.unwrap());
        let directory = Arc::new(Directory::new());
        let config = GateConfig { max_staleness: Duration::from_secs(2), ..GateConfig::default() };
        let gate = Arc::new(Gate::new(Arc::clone(&directory), Arc::new(SystemClock), config));
        let follow = FollowConfig {
            ask_every: Duration::from_millis(100),
            ask_timeout: Duration::from_secs(1),
            max_pause: Duration::from_millis(300),
            ..FollowConfig::default()
        };
        let cancel = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(follow::run(
            log,
            Arc::new(NoCheckpoints),
            Arc::clone(&directory),
            Arc::clone(&gate),
            Arc::new(SystemClock),
            follow,
            cancel.clone(),
        ));
        Self { directory, gate, cancel, tasks }
    }

    async fn until(&self, what: &str, wanted: impl Fn(&Result<(), NotReady>) -> bool) {
        poll::until(what, BOUND, async || match self.gate.check() {
            state if wanted(&state) => Ok(()),
            state => Err(state),
        })
        .await;
    }

    async fn stop(mut self) {
        self.cancel.cancel();
        poll::within("the follower ends", BOUND, self.tasks.join_next()).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_node_waits_for_the_installation_and_then_follows_it() {
    let nats = Nats::set_up().await;
    let node = Node::start(&nats).await;
    node.until("no installation yet", |state| *state == Err(NotReady::NotBootstrapped)).await;

    let mut tape = Tape::new();
    tape.fill(3);
    let (owner, id) = (Owner::Organization(OrganizationId::new(uuid())), KeyId::new(uuid()));
    let issued = issue("a key");
    let digest = issued.digest.bytes;
    tape.key(owner, id, events::key::KeyEvent::Issued(issued));
    publish(&nats, &tape.messages).await;
    let position = |sequence| Position { log: tape.log, shard: Shard::ZERO, sequence };
    assert!(node.gate.wait_applied(&position(tape.messages.len() as u64), BOUND).await);
    node.until("ready", Result::is_ok).await;
    assert_eq!(node.directory.key_by_digest(&digest).unwrap().state, KeyState::Active);

    let before = tape.messages.len();
    tape.key(owner, id, events::key::KeyEvent::Revoked(events::key::Revoked { reason: None }));
    publish(&nats, &tape.messages[before..]).await;
    let position = Position { log: tape.log, shard: Shard::ZERO, sequence: tape.messages.len() as u64 };
    assert!(node.gate.wait_applied(&position, BOUND).await);
    assert_eq!(node.directory.key_by_digest(&digest).unwrap().state, KeyState::Revoked);
    node.stop().await;
}

#[tokio::test]
async fn a_node_goes_on_without_the_log_until_it_is_stale_and_comes_back() {
    let mut nats = Nats::set_up().await;
    let mut tape = Tape::new();
    tape.fill(1);
    publish(&nats, &tape.messages).await;
    let node = Node::start(&nats).await;
    node.until("ready", Result::is_ok).await;
    nats.kill().await;
    assert_eq!(node.gate.check(), Ok(()), "the log has only just gone");
    node.until("stale", |state| matches!(state, Err(NotReady::Stale { .. }))).await;
    nats.start_again().await;
    node.until("ready again", Result::is_ok).await;
    let before = tape.messages.len();
    tape.fill(1);
    publish(&nats, &tape.messages[before..]).await;
    let position = Position { log: tape.log, shard: Shard::ZERO, sequence: tape.messages.len() as u64 };
    assert!(node.gate.wait_applied(&position, BOUND).await);
    node.stop().await;
}

fn copy(from: &Path, to: &Path) {
    if to.exists() {
        std::fs::remove_dir_all(to).unwrap();
    }
    assert!(Command::new("cp").arg("-r").arg(from).arg(to).status().unwrap().success());
}

#[tokio::test]
async fn a_node_before_an_older_copy_of_the_log_is_closed_for_good_and_says_why() {
    let mut nats = Nats::set_up().await;
    let mut tape = Tape::new();
    tape.fill(1);
    publish(&nats, &tape.messages).await;
    nats.stop().await;
    let backup = tempfile::tempdir().unwrap();
    let backup = backup.path().join("older");
    copy(&nats.store(), &backup);
    nats.start_again().await;
    let node = Node::start(&nats).await;
    let before = tape.messages.len();
    tape.fill(1);
    publish(&nats, &tape.messages[before..]).await;
    let position = Position { log: tape.log, shard: Shard::ZERO, sequence: tape.messages.len() as u64 };
    assert!(node.gate.wait_applied(&position, BOUND).await);
    node.until("ready", Result::is_ok).await;

    nats.stop().await;
    copy(&backup, &nats.store());
    nats.start_again().await;
    node.until("closed", |state| matches!(state, Err(NotReady::Diverged(_)))).await;
    let told = node.gate.status().not_ready.unwrap();
    assert!(told.contains("restart"), "{told}");
    node.stop().await;

    // Started anew it believes the log as it is.
    let anew = Node::start(&nats).await;
    anew.until("ready", Result::is_ok).await;
    assert_eq!(anew.directory.applied(), before as u64);
    anew.stop().await;
}
