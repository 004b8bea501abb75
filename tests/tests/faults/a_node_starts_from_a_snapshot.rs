//! A node that starts reads the newest snapshot and not the whole log; one that is ahead of its log, since an older
//! copy of the log was put back, is noticed and not passed over.

use std::path::{Path, PathBuf};
use std::time::Duration;

use events::log::Log;
use events::log::jetstream::data;
use events::{Owner, Position, Subject};
use gateway::config::{Config, NatsRole, Role};
use gateway::serve;
use keyledger_tests::mcp::call;
use keyledger_tests::poll::{self, within};
use keyledger_tests::servers::Nats;
use keyledger_tests::spine::{Organization, Spine};
use keyledger_tests::upstreams::{McpServer, Upstream};
use keyledger_tests::wire::Ask;
use serde_json::{Value, json};
use tokio::process::Command;

const BOUND: Duration = Duration::from_secs(60);

/// The metric's value; `None`: it was never set.
async fn metric(spine: &Spine, name: &str) -> Option<f64> {
    let metrics = Ask::get("/metrics").send(spine.metrics).await.text();
    metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

/// Events about one key, of which nothing else comes.
async fn write_events(spine: &Spine, organization: &Organization, count: usize) {
    let key = spine.key(organization, &["mcp:*"]).await;
    for number in 0..count {
        let verb = if number % 2 == 0 { "disable" } else { "enable" };
        spine.change_key(organization, &key.id, verb).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_with_all_roles_writes_one_and_begins_with_it_the_next_time() {
    let spine = Spine::with(|config| config.snapshots.every_events = 100).await;
    is_written_and_begun_with(spine).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_serves_nobody_writes_one_for_those_who_do() {
    let spine = Spine::with(|config| {
        config.roles = vec![Role::Node, Role::Control];
        config.snapshots.every_events = 100;
    })
    .await;
    let worker = Config { roles: vec![Role::Worker], ..spine.config.clone() };
    let worker = serve::start(worker).await.unwrap_or_else(|error| panic!("{error}"));
    is_written_and_begun_with(spine).await;
    worker.shutdown().await;
}

async fn is_written_and_begun_with(mut spine: Spine) {
    let upstream = Upstream::start(McpServer::default()).await;
    let ready = spine.ready(&upstream).await;
    let revoked = spine.revoked_key(&ready.organization).await;
    // One is closed by an event that somebody stores again.
    let closed = spine.key(&ready.organization, &["mcp:*"]).await;
    let owner = Owner::Organization(ready.organization.id.parse().unwrap());
    let subject = Subject::key(owner, closed.id.parse().unwrap());
    let log = spine.nats.log(NatsRole::Control).await.unwrap();
    let copy = log.history(&subject).await.unwrap().events.pop().unwrap();
    let control = spine.nats.connect("control").await;
    within("it is stored", BOUND, control.request(data(&subject.to_string()), copy.payload)).await.unwrap();
    write_events(&spine, &ready.organization, 100).await;
    poll::until("a snapshot", BOUND, async || {
        match metric(&spine, "keyledger_snapshots_written_total").await {
            Some(1.0) => Ok(()),
            other => Err(other),
        }
    })
    .await;
    assert_eq!(metric(&spine, "keyledger_snapshot_load_seconds").await, None);

    spine.stop_node().await;
    spine.start_node().await;
    spine.becomes_ready().await;
    assert!(metric(&spine, "keyledger_snapshot_load_seconds").await.is_some());
    // The process has never read that event, and says what is closed.
    assert_eq!(metric(&spine, "keyledger_directory_closed_objects").await, Some(1.0));
    let echo = call(&ready.path, "echo", &json!({}));
    echo.bearer(&ready.key.secret).send(spine.public).await.expect(200);
    let echo = call(&ready.path, "echo", &json!({}));
    echo.bearer(&revoked).send(spine.public).await.expect(401);
}

/// `keyledger snapshots …` as the worker.
async fn snapshots(spine: &Spine, verb: &str) -> Value {
    let this = std::env::current_exe().unwrap();
    let worker = spine.nats.credentials("worker");
    let told = Command::new(this.parent().unwrap().parent().unwrap().join("keyledger"))
        .args(["snapshots", verb, "--json"])
        .env_clear()
        .env("KEYLEDGER_PUBLIC_URL", "https://mcp.example.com")
        .env("KEYLEDGER_NATS__URL", spine.nats.url())
        .env("KEYLEDGER_NATS__USERS__WORKER__USER", worker.user)
        .env("KEYLEDGER_NATS__USERS__WORKER__PASSWORD", worker.password)
        .env("KEYLEDGER_POSTGRES__URL", spine.postgres.url())
        .env("KEYLEDGER_VAULT__PEOPLE_KEY_FILE", spine.config.vault.people_key_file.as_ref().unwrap())
        .kill_on_drop(true)
        .output();
    let told = poll::within(verb, BOUND, told).await.unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    serde_json::from_slice(&told.stdout).unwrap()
}

/// Where nats-server keeps the log's stream.
fn stream_folder(below: &Path) -> Option<PathBuf> {
    let folders =
        std::fs::read_dir(below).ok()?.flatten().map(|entry| entry.path()).filter(|path| path.is_dir());
    folders.into_iter().find_map(|folder| {
        if folder.ends_with("KL_EVENTS_0") { Some(folder) } else { stream_folder(&folder) }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_that_knows_more_than_the_log_closes_the_node_until_it_is_discarded() {
    let mut spine = Spine::with(|config| {
        // Without a worker, whose read models would notice as well.
        config.roles = vec![Role::Node, Role::Control];
        config.freshness.ask_every_ms = 200;
    })
    .await;
    let organization = spine.organization("acme").await;
    let key = spine.key(&organization, &["mcp:*"]).await;
    let copy = tempfile::tempdir().unwrap();
    let copy = copy.path().join("older");
    spine.stop_node().await;
    spine.nats.stop().await;
    let log = stream_folder(&spine.nats.store()).expect("the log's folder");
    Nats::copy_store(&log, &copy);
    spine.nats.start_again().await;
    spine.start_node().await;
    spine.becomes_ready().await;
    let revoked = spine.change_key(&organization, &key.id, "revoke").await;

    let written = snapshots(&spine, "write").await;
    let position: Position = revoked["position"].as_str().unwrap().parse().unwrap();
    assert_eq!((&written["written"], &written["sequence"]), (&json!(true), &json!(position.sequence)));
    assert_eq!(snapshots(&spine, "write").await["written"], json!(false), "nothing has happened since");
    let listed = snapshots(&spine, "list").await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(listed["items"][0]["state"], json!("good"));

    spine.stop_node().await;
    spine.nats.stop().await;
    Nats::copy_store(&copy, &log);
    spine.nats.start_again().await;
    spine.start_node().await;
    let (why, _) = poll::until("the node is closed", BOUND, async || match spine.ready_answer().await {
        answer if answer.status == 503 && answer.text().contains("snapshots discard") => Ok(answer.text()),
        answer => Err(answer),
    })
    .await;
    assert!(why.contains("it ends at"), "{why}");

    // The operator's word that this log is the right one.
    assert_eq!(snapshots(&spine, "discard").await["deleted"], json!(1));
    spine.stop_node().await;
    // The vault knows of it as well.
    spine.accept_loss().await.expect("the revocation is lost");
    spine.start_node().await;
    spine.becomes_ready().await;
}
