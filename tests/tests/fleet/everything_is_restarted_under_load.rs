//! A rolling restart of everything: nodes, the servers of the NATS cluster, PostgreSQL, one after the other, while a
//! client that follows `/readyz` calls on. None of its calls is refused.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use keyledger_tests::fleet::{Broker, Client, Fleet, Plan};
use keyledger_tests::mcp::call;
use keyledger_tests::poll;
use keyledger_tests::servers::MEMBERS;
use keyledger_tests::spine::{Key, text};
use keyledger_tests::upstreams::{McpServer, Upstream};
use keyledger_tests::wire::Ask;
use serde_json::json;

/// Calls at once.
const CALLERS: usize = 3;
const BOUND: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_of_a_client_that_follows_readyz_is_refused() {
    let set = &[("listen.drain_ms", "3000")];
    let mut fleet =
        Fleet::with(Plan { nodes: 3, cluster: true, own_postgres: true, set, ..Plan::default() }).await;
    let upstream = Upstream::start(McpServer::every(Duration::from_millis(1))).await;
    let ready = fleet.ready(&upstream).await;
    let ask = call(&ready.path, "echo", &json!({})).bearer(&ready.key.secret);
    let client = Client::of(&fleet);
    let (over, passed) = (AtomicBool::new(false), AtomicUsize::new(0));

    let caller = async || {
        let mut refused = Vec::new();
        while !over.load(Ordering::SeqCst) {
            match client.send(&ask).await {
                Ok(answer) if answer.status == 200 => {
                    passed.fetch_add(1, Ordering::SeqCst);
                }
                other => refused.push(format!("{other:?}")),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        refused
    };
    let restart = async {
        restart_everything(&mut fleet).await;
        over.store(true, Ordering::SeqCst);
    };
    let (refused, ()) = tokio::join!(join_all((0..CALLERS).map(|_| caller())), restart);
    let refused = refused.concat();
    eprintln!("{} calls passed, {} were refused", passed.load(Ordering::SeqCst), refused.len());
    assert!(refused.is_empty(), "{refused:?}");

    // And it is whole again, once the log has a leader: what is told one is done by all.
    let issue = Ask::post(ready.organization.path("keys"), &json!({"name": "test", "scopes": ["mcp:tools"]}));
    let (body, _) =
        poll::until("a command is done", BOUND, async || match fleet.admin(2, issue.clone()).await {
            answer if answer.status == 201 => Ok(answer.json()),
            answer => Err(answer),
        })
        .await;
    let key = Key { id: text(&body, "id"), secret: text(&body, "secret"), position: text(&body, "position") };
    for node in 0..fleet.nodes.len() {
        fleet.works(node, &ready.path, &key).await;
    }
}

async fn restart_everything(fleet: &mut Fleet) {
    for node in &mut fleet.nodes {
        assert!(node.stop().await.success(), "{}", node.said());
        node.start().await;
        node.becomes_ready().await;
    }
    let Broker::Cluster(cluster) = &mut fleet.nats else { panic!("a cluster") };
    for member in 0..MEMBERS {
        cluster.stop(member).await;
        cluster.start_again(member).await;
        cluster.becomes_ready().await;
        for node in &fleet.nodes {
            node.becomes_ready().await;
        }
    }
    fleet.postgres.stop().await;
    fleet.postgres.start_again().await;
}
