//! A key that is issued at one node works at all of them, and one that is revoked at one is refused at all.

use std::time::Duration;

use events::clock::{Clock, SystemClock};
use keyledger_tests::fleet::Fleet;
use keyledger_tests::upstreams::{McpServer, Upstream};
use keyledger_tests::wire::Ask;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_node_was_told() {
    let fleet = Fleet::start().await;
    let upstream = Upstream::start(McpServer::every(Duration::from_millis(1))).await;
    let ready = fleet.ready(&upstream).await;
    for told in 0..fleet.nodes.len() {
        let key = fleet.issue(told, &ready.organization, &["mcp:tools"]).await;
        let issued = SystemClock.instant();
        for node in 0..fleet.nodes.len() {
            fleet.works(node, &ready.path, &key).await;
        }
        let works = issued.elapsed();
        let path = format!("{}/{}/revoke", ready.organization.path("keys"), key.id);
        fleet.write(told, Ask::post(path, &json!({}))).await;
        let revoked = SystemClock.instant();
        for node in 0..fleet.nodes.len() {
            fleet.is_refused(node, &ready.path, &key).await;
        }
        eprintln!(
            "worked everywhere {works:?} after the answer, refused everywhere {:?} after",
            revoked.elapsed()
        );
    }
}
