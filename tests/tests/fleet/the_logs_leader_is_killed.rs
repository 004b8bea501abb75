//! The nats-server that leads the log is killed under a node at work: calls go on as if nothing was, commands pass
//! again once another leads, and each that was sent was done once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use events::clock::{Clock, SystemClock};
use futures::{StreamExt, stream};
use keyledger_tests::fleet::{Broker, Fleet, Plan};
use keyledger_tests::mcp::call;
use keyledger_tests::poll;
use keyledger_tests::spine::items;
use keyledger_tests::upstreams::{McpServer, Upstream};
use keyledger_tests::wire::Ask;
use serde_json::json;

const COMMANDS: usize = 40;
const BOUND: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_go_on_and_each_command_is_done_once() {
    let mut fleet = Fleet::with(Plan { nodes: 1, cluster: true, ..Plan::default() }).await;
    let upstream = Upstream::start(McpServer::every(Duration::from_millis(20))).await;
    let ready = fleet.ready(&upstream).await;
    let leader = fleet.nats.cluster().leader(0, None).await;
    let (node, path) = (fleet.nodes[0].public, ready.organization.path("keys"));
    let (admin, admin_key) = (fleet.nodes[0].admin, fleet.admin_key.clone());

    let done = AtomicUsize::new(0);
    let commands = stream::iter(0..COMMANDS)
        .map(async |number| {
            let name = format!("command-{number}");
            let body = json!({"name": name, "scopes": ["mcp:tools"]});
            let ask = Ask::post(&path, &body).header("Idempotency-Key", &name).bearer(&admin_key);
            let (_, took) = poll::until("the command is done", BOUND, async || match ask.send(admin).await {
                answer if matches!(answer.status, 200 | 201) => Ok(()),
                answer => Err((answer.status, answer.text())),
            })
            .await;
            done.fetch_add(1, Ordering::SeqCst);
            took
        })
        .buffer_unordered(4)
        .collect::<Vec<_>>();
    let Broker::Cluster(cluster) = &mut fleet.nats else { panic!("a cluster") };
    let killing = async {
        poll::until("some are done", BOUND, async || match done.load(Ordering::SeqCst) {
            found @ 0..8 => Err(found),
            _ => Ok(()),
        })
        .await;
        cluster.kill(leader);
    };
    let ended = AtomicBool::new(false);
    let calling = async {
        let ask = call(&ready.path, "echo", &json!({})).bearer(&ready.key.secret);
        let mut slowest = Duration::ZERO;
        while !ended.load(Ordering::SeqCst) {
            let start = SystemClock.instant();
            ask.send(node).await.expect(200);
            slowest = slowest.max(start.elapsed());
        }
        slowest
    };
    let commanding = async {
        let took = commands.await;
        ended.store(true, Ordering::SeqCst);
        took
    };
    let (took, (), slowest) = tokio::join!(commanding, killing, calling);
    let longest = took.into_iter().max().unwrap_or_default();
    eprintln!("the leader killed: a command took {longest:?} at most, a call {slowest:?}");

    let newest = fleet.issue(0, &ready.organization, &["mcp:tools"]).await.position;
    let listed =
        items(&fleet.admin(0, Ask::get(format!("{path}?limit=100&at_least={newest}"))).await.expect(200));
    let named = |name: &str| listed.iter().filter(|key| key["name"] == *name).count();
    for number in 0..COMMANDS {
        assert_eq!(named(&format!("command-{number}")), 1, "command-{number}");
    }
}
