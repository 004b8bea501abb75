//! Told to end, a node first says at `/readyz` that it will, and serves on for the time of its drain.

use std::time::Duration;

use keyledger_tests::fleet::{Fleet, Plan};
use keyledger_tests::mcp::call;
use keyledger_tests::poll;
use keyledger_tests::upstreams::{McpServer, Upstream};
use keyledger_tests::wire::Ask;
use serde_json::json;

const BOUND: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_not_ready_at_once_and_serves_on_until_its_drain_is_over() {
    // Longer than the test needs to see it: it is told again at the end, and does not wait.
    let set = &[("listen.drain_ms", "120000")];
    let mut fleet = Fleet::with(Plan { nodes: 1, set, ..Plan::default() }).await;
    let upstream = Upstream::start(McpServer::every(Duration::from_millis(20))).await;
    let ready = fleet.ready(&upstream).await;
    let node = &fleet.nodes[0];
    let long = call(&ready.path, "count", &json!({"to": 1_000_000})).bearer(&ready.key.secret);
    let mut stream = long.open(node.public).await;
    stream.frame(BOUND).await.expect("the stream is open");

    node.terminate().await;
    poll::until("the node says that it ends", BOUND, async || match node.ready_answer().await {
        Ok(answer) if answer.status == 503 && answer.text().contains("ending") => Ok(()),
        other => Err(other.map(|answer| answer.text())),
    })
    .await;
    call(&ready.path, "echo", &json!({})).bearer(&ready.key.secret).send(node.public).await.expect(200);
    stream.frame(BOUND).await.expect("the stream goes on");
    // Commands as well.
    let key = fleet.issue(0, &ready.organization, &["mcp:tools"]).await;
    fleet.works(0, &ready.path, &key).await;
    Ask::get("/livez").send(node.metrics).await.expect(200);

    node.terminate().await;
    stream.to_end(BOUND).await;
    assert!(fleet.nodes[0].ended().await.success(), "{}", fleet.nodes[0].said());
}
