//! A process that keeps read models is killed while events stream in: another takes its share over, and what they
//! hold in the end is each event once.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::{StreamExt, stream};
use keyledger_tests::fleet::{Fleet, Plan};
use keyledger_tests::poll;
use keyledger_tests::spine::items;
use keyledger_tests::upstreams::{McpServer, Upstream};
use keyledger_tests::wire::Ask;
use serde_json::json;

/// A lost worker's share is taken over within seconds; two busy cores may need more.
const TAKEN_OVER: Duration = Duration::from_secs(60);
/// One page of a list holds them all.
const KEYS: usize = 90;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_there_twice_and_nothing_is_missing() {
    let mut fleet = Fleet::with(Plan { nodes: 2, ..Plan::default() }).await;
    let upstream = Upstream::start(McpServer::every(Duration::from_millis(1))).await;
    let ready = fleet.ready(&upstream).await;
    let keys = ready.organization.path("keys");
    let issue = async |fleet: &Fleet, number: usize| {
        let body = json!({"name": format!("key {number}"), "scopes": ["mcp:tools"]});
        fleet.write(0, Ask::post(&keys, &body)).await["position"].clone()
    };
    let first: Vec<_> = (0..KEYS / 2).collect();
    stream::iter(first).map(|number| issue(&fleet, number)).buffer_unordered(8).collect::<Vec<_>>().await;
    // Its share of the projections has much of this to come.
    fleet.nodes[1].kill();
    let rest: Vec<_> = (KEYS / 2..KEYS).collect();
    stream::iter(rest).map(|number| issue(&fleet, number)).buffer_unordered(8).collect::<Vec<_>>().await;
    let last = fleet.issue(0, &ready.organization, &["mcp:tools"]).await;

    let listed = async |path: String| {
        let ask = Ask::get(format!("{path}?limit=100&at_least={}", last.position));
        poll::until("the share is taken over", TAKEN_OVER, async || match fleet.admin(0, ask.clone()).await {
            answer if answer.status == 200 => Ok(items(&answer)),
            answer => Err(answer),
        })
        .await
    };
    let (all, took) = listed(keys.clone()).await;
    eprintln!("the keys were complete {took:?} after the last command");
    let named: Vec<_> = all.iter().filter_map(|key| key["name"].as_str()).collect();
    let expected: BTreeSet<String> = (0..KEYS).map(|number| format!("key {number}")).collect();
    let found: BTreeSet<String> =
        named.iter().filter(|name| name.starts_with("key ")).map(|name| (*name).to_owned()).collect();
    assert_eq!(found, expected);
    assert_eq!(named.len(), KEYS + 2, "each once, and the two of this test's own: {named:?}");
    // The history is another projection, which the killed one may have held as well.
    let (events, took) = listed(format!("{keys}/{}/history", last.id)).await;
    eprintln!("the history was complete {took:?} later");
    assert_eq!(events.len(), 1, "{events:?}");
}
