//! An older copy of the log, put back, has lost events that nodes have served from: a key that was revoked
//! would work again without anybody's decision. A node that knows better is not ready, and says why.

use std::path::Path;
use std::time::Duration;

use gateway::config::Role;
use keyledger_tests::mcp::call;
use keyledger_tests::poll;
use keyledger_tests::spine::{Ready, Spine};
use keyledger_tests::upstreams::{McpServer, Upstream};
use keyledger_tests::wire::Ask;
use serde_json::json;

const BOUND: Duration = Duration::from_secs(30);
/// Why a node does not answer for keys.
const FOLLOWED_ANOTHER: &str = "the log is not the one that was followed";
/// Why a worker keeps no read models.
const BUILT_FROM_ANOTHER: &str = "the read models were built from another log";

/// A node that ran while a revocation was lost, and the log's server with its older copy.
async fn restored() -> (Spine, Upstream, Ready) {
    let mut spine = Spine::breakable(|config| config.freshness.ask_every_ms = 200).await;
    let upstream = Upstream::start(McpServer::default()).await;
    let ready = spine.ready(&upstream).await;
    let copy = tempfile::tempdir().unwrap();

    spine.nats.stop().await;
    copy_folder(&spine.nats.store(), copy.path());
    spine.nats.start_again().await;
    let (revoked, _) = poll::until("the revocation", BOUND, async || {
        let path = format!("{}/{}/revoke", ready.organization.path("keys"), ready.key.id);
        match spine.admin(Ask::post(path, &json!({}))).await {
            answer if answer.status == 200 => Ok(answer.json()),
            answer => Err((answer.status, answer.text())),
        }
    })
    .await;
    let position = revoked["position"].as_str().unwrap();
    spine.follows(position).await;
    call(&ready.path, "echo", &json!({})).bearer(&ready.key.secret).send(spine.public).await.expect(401);
    // PostgreSQL has it as well.
    spine.history(&ready.organization, &ready.key.id, position).await;

    spine.nats.stop().await;
    std::fs::remove_dir_all(spine.nats.store()).unwrap();
    copy_folder(copy.path(), &spine.nats.store());
    spine.nats.start_again().await;
    (spine, upstream, ready)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_ran_is_not_ready_and_says_why() {
    let (spine, _upstream, ready) = restored().await;
    let (why, took) = poll::until("the node is not ready for the log's sake", BOUND, async || {
        match spine.ready_answer().await {
            answer if answer.status == 503 && answer.text().contains(FOLLOWED_ANOTHER) => Ok(answer.text()),
            answer => Err(answer),
        }
    })
    .await;
    eprintln!("after {took:?}: {why}");
    // The revoked key works nowhere, and neither does any other.
    let answer = call(&ready.path, "echo", &json!({})).bearer(&ready.key.secret).send(spine.public).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    spine.admin(Ask::get(ready.organization.path("keys"))).await.expect(503);
}

/// A process that starts now has served nothing, and its directory is what the log says. The read models know
/// better, and tell it: also once the lost events are written over, when the log is as long as before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn read_models_that_know_of_lost_events_say_so_also_after_a_restart() {
    let (mut spine, _upstream, ready) = restored().await;
    spine.stop_node().await;
    // The process that ran may have signed what it knew; that it is lost is accepted.
    spine.accept_loss().await;
    spine.start_node().await;
    let why = says_why(&spine, &ready).await;
    assert!(why.contains("it ends at") || why.contains("another event stands"), "{why}");

    // A process without read models writes over what was lost.
    spine.stop_node().await;
    let all = std::mem::replace(&mut spine.config.roles, vec![Role::Node, Role::Control]);
    spine.start_node().await;
    spine.becomes_ready().await;
    for number in 0..3 {
        spine.organization(&format!("later-{number}")).await;
    }
    spine.stop_node().await;
    spine.config.roles = all;
    spine.start_node().await;
    let why = says_why(&spine, &ready).await;
    assert!(why.contains("another event stands"), "{why}");
}

/// What `/readyz` says, once the node answers for no key for the read models' sake.
async fn says_why(spine: &Spine, ready: &Ready) -> String {
    let (why, _) = poll::until("not ready for the read models' sake", BOUND, async || {
        match spine.ready_answer().await {
            answer if answer.status == 503 && answer.text().contains(BUILT_FROM_ANOTHER) => Ok(answer.text()),
            answer => Err(answer),
        }
    })
    .await;
    let metrics = Ask::get("/metrics").send(spine.metrics).await.text();
    assert!(metrics.lines().any(|line| line == "keyledger_read_models_diverged 1"), "{metrics}");
    // The revoked key's revocation is lost: it works nowhere all the same.
    call(&ready.path, "echo", &json!({})).bearer(&ready.key.secret).send(spine.public).await.expect(503);
    spine.admin(Ask::get("/api/v1/status")).await.expect(503);
    eprintln!("{why}");
    why
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}
