//! The nats-server that leads the log is cut off from its peers, and a node with it: the server goes on answering
//! the node, who must not believe it, while the rest elects another leader and revokes a key.

use std::time::Duration;

use events::clock::{Clock, SystemClock};
use keyledger_tests::fleet::{Fleet, Plan};
use keyledger_tests::mcp::call;
use keyledger_tests::poll;
use keyledger_tests::servers::{MEMBERS, Way};
use keyledger_tests::upstreams::{McpServer, Upstream};
use keyledger_tests::wire::Ask;
use serde_json::json;

const MAX_STALENESS: Duration = Duration::from_secs(8);
/// Replicas speak each second, their word may be a second on its way, and the node asks each second: it may have been
/// proven fresh as of so much before.
const HEARD: Duration = Duration::from_secs(3);
/// What two busy cores may need beyond a bound.
const SLACK: Duration = Duration::from_secs(5);
const BOUND: Duration = Duration::from_secs(60);

const LEFT: usize = 0;
const REST: usize = 1;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_stops_within_the_bound_and_is_ready_again_when_the_way_is_open() {
    let mut fleet = Fleet::with(Plan { nodes: 2, cluster: true, ..Plan::default() }).await;
    let leader = fleet.nats.cluster().leader(0, None).await;
    let servers = [leader, (leader + 1) % MEMBERS].map(|member| fleet.nats.cluster().url(member));
    fleet.nodes[LEFT].set("freshness.max_staleness_ms", &MAX_STALENESS.as_millis().to_string());
    for (node, server) in fleet.nodes.iter_mut().zip(servers) {
        node.set("nats.url", &server);
        node.stop().await;
        node.start().await;
    }
    for node in &fleet.nodes {
        node.becomes_ready().await;
    }
    let upstream = Upstream::start(McpServer::every(Duration::from_millis(100))).await;
    let ready = fleet.ready(&upstream).await;
    let kept = fleet.issue(REST, &ready.organization, &["mcp:tools"]).await;
    fleet.works(LEFT, &ready.path, &kept).await;

    fleet.nats.cluster().routes(leader, Way::Still);
    let cut = SystemClock.instant();
    let revoking = async {
        let ask =
            Ask::post(format!("{}/{}/revoke", ready.organization.path("keys"), ready.key.id), &json!({}))
                .header("Idempotency-Key", "revoked-by-the-rest");
        poll::until("the rest revokes the key", BOUND, async || match fleet.admin(REST, ask.clone()).await {
            answer if answer.status == 200 => Ok(()),
            answer => Err((answer.status, answer.text())),
        })
        .await;
        let revoked = cut.elapsed();
        fleet.is_refused(REST, &ready.path, &ready.key).await;
        revoked
    };
    let stopping = async {
        let ask = call(&ready.path, "echo", &json!({})).bearer(&ready.key.secret);
        poll::until("the node that is left stops", BOUND, async || {
            match ask.try_send(fleet.nodes[LEFT].public).await {
                Ok(answer) if answer.status == 503 => Ok(()),
                Ok(answer) => Err(format!("{answer:?}")),
                // An answer that is on its way as the node stops is cut.
                Err(error) => Err(error.to_string()),
            }
        })
        .await;
        cut.elapsed()
    };
    let (revoked, stopped) = tokio::join!(revoking, stopping);
    eprintln!(
        "cut off with the leader: stopped after {stopped:?} (max_staleness {MAX_STALENESS:?}); the rest revoked after {revoked:?}"
    );
    assert!(stopped < MAX_STALENESS + SLACK, "it went on for {stopped:?}");
    assert!(stopped + HEARD > MAX_STALENESS, "it stopped early, after {stopped:?}");
    let why = fleet.nodes[LEFT].ready_answer().await.unwrap();
    assert_eq!(why.status, 503, "{}", why.text());
    let said = fleet.nodes[LEFT].said();
    assert!(said.contains("hears 1 of 3 servers"), "it says why: {said}");
    fleet.works(REST, &ready.path, &kept).await;

    fleet.nats.cluster().routes(leader, Way::Open);
    let took = fleet.nodes[LEFT].becomes_ready().await;
    eprintln!("ready again {took:?} after the way was open");
    fleet.is_refused(LEFT, &ready.path, &ready.key).await;
    fleet.works(LEFT, &ready.path, &kept).await;
}
