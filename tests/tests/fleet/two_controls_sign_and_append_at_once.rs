//! Two controls append and sign checkpoints at once: neither contradicts the other, each goes on when the other is gone,
//! and the log is what both have signed.

use std::time::Duration;

use events::Shard;
use events::log::Log;
use events::tlog::{Checkpoint, Note, Unsigned};
use futures::{StreamExt, stream};
use gateway::config::NatsRole;
use gateway::store::checkpoints::Checkpoints;
use keyledger_tests::fleet::{Broker, Fleet, Plan};
use keyledger_tests::poll;
use keyledger_tests::upstreams::{McpServer, Upstream};
use keyledger_tests::wire::Ask;
use serde_json::json;

const BOUND: Duration = Duration::from_secs(60);
/// Keys that each issues: more messages than one checkpoint waits for.
const KEYS: usize = 600;

async fn newest(fleet: &Fleet) -> Option<Checkpoint> {
    let Broker::Single(nats) = &fleet.nats else { panic!("the plan has one nats-server") };
    let stream = Checkpoints::new(nats.connect("control").await, Shard::ZERO);
    let stored = stream.newest().await.unwrap()?;
    Some(stored.text.parse::<Note>().unwrap().text().parse().unwrap())
}

/// Waits until all of the log is signed, with nobody's word against any of it.
async fn all_is_signed(fleet: &Fleet) {
    let Broker::Single(nats) = &fleet.nats else { panic!("the plan has one nats-server") };
    let end = nats.log(NatsRole::Control).await.unwrap().info().await.unwrap().last_sequence;
    poll::until("all of the log is signed", BOUND, async || match newest(fleet).await {
        Some(newest) if newest.size >= end => {
            assert_eq!(newest.unsigned, Unsigned::none());
            Ok(())
        }
        newest => Err((end, newest.map(|newest| newest.size))),
    })
    .await;
}

async fn refuses_none(fleet: &Fleet, node: usize) {
    let metrics = Ask::get("/metrics").send(fleet.nodes[node].metrics).await.expect(200).text();
    let refused = metrics.lines().find_map(|line| line.strip_prefix("keyledger_checkpoints_refused "));
    assert!(refused.is_none_or(|refused| refused == "0"), "{}", fleet.nodes[node].said());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_contradicts_the_other_and_each_goes_on_alone() {
    let mut fleet = Fleet::with(Plan { nodes: 2, ..Plan::default() }).await;
    let upstream = Upstream::start(McpServer::default()).await;
    let ready = fleet.ready(&upstream).await;
    let keys = ready.organization.path("keys");
    let issue = async |fleet: &Fleet, node: usize, count: usize| {
        let issued = stream::iter(0..count).map(async |number| {
            let body = json!({"name": format!("key {number}"), "scopes": ["mcp:tools"]});
            fleet.write(node, Ask::post(&keys, &body)).await
        });
        assert_eq!(issued.buffer_unordered(4).count().await, count);
    };
    tokio::join!(issue(&fleet, 0, KEYS), issue(&fleet, 1, KEYS));
    all_is_signed(&fleet).await;
    refuses_none(&fleet, 0).await;
    refuses_none(&fleet, 1).await;

    // Each alone, after the other has signed last.
    for gone in [0, 1] {
        fleet.nodes[gone].stop().await;
        issue(&fleet, 1 - gone, 5).await;
        all_is_signed(&fleet).await;
        refuses_none(&fleet, 1 - gone).await;
        fleet.nodes[gone].start().await;
        fleet.nodes[gone].becomes_ready().await;
    }
    tokio::join!(issue(&fleet, 0, 5), issue(&fleet, 1, 5));
    all_is_signed(&fleet).await;

    // And a third reader, who takes nobody's word, finds nothing.
    let Broker::Single(nats) = &fleet.nats else { panic!("the plan has one nats-server") };
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("auditor");
    std::fs::write(&password, nats.credentials("auditor").password).unwrap();
    let program = std::env::current_exe().unwrap();
    let program = program.parent().unwrap().parent().unwrap().join("keyledger");
    let mut verify = tokio::process::Command::new(program);
    verify.args(["events", "verify", "--nats", &nats.url(), "--nats-password-file"]).arg(&password);
    let verified =
        poll::within("verify", BOUND, verify.env_clear().kill_on_drop(true).output()).await.unwrap();
    let said = String::from_utf8([verified.stdout, verified.stderr].concat()).unwrap();
    assert!(verified.status.success() && said.contains("checkpoint   good"), "{said}");
}
