//! A worker is killed while endpoints have its messages in hand: another takes them up, under the same `webhook-id`, and
//! no message is missing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use keyledger_tests::fleet::{Fleet, Plan};
use keyledger_tests::poll;
use keyledger_tests::spine::text;
use keyledger_tests::upstreams::{After, Behave, McpServer, Received, Reply, Upstream};
use keyledger_tests::wire::Ask;
use serde_json::json;

const SETTLE: Duration = Duration::from_secs(60);
const KEYS: usize = 12;

/// Holds what it is sent in hand until it is told to answer.
struct Holding(Arc<AtomicBool>);

#[async_trait]
impl Behave for Holding {
    async fn answer(&self, _: &Received, reply: &mut Reply) -> After {
        if self.0.load(Ordering::SeqCst) {
            reply.whole(200, &[], b"").await;
            return After::Keep;
        }
        reply.closed().await;
        After::Close
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost() {
    let set = &[("webhooks.timeout_ms", "3000"), ("webhooks.retry_seconds", "1,1,1,1,1,1,1,1,1,1")];
    let mut fleet = Fleet::with(Plan { nodes: 2, set, ..Plan::default() }).await;
    let answers = Arc::new(AtomicBool::new(false));
    let to = Upstream::start(Holding(Arc::clone(&answers))).await;
    let upstream = Upstream::start(McpServer::default()).await;
    let ready = fleet.ready(&upstream).await;
    let body = json!({"name": "Hook", "url": to.url(), "types": ["key.issued"]});
    let hook = fleet.write(1, Ask::post(ready.organization.path("webhooks"), &body)).await;
    let mut expected = BTreeSet::new();
    for _ in 0..KEYS {
        expected.insert(fleet.issue(1, &ready.organization, &["mcp:tools"]).await.id);
    }
    poll::until("messages are in hand", SETTLE, async || match to.received().len() {
        0 => Err(0),
        _ => Ok(()),
    })
    .await;
    // Whoever has them in hand: both are killed, and nothing of what they knew is left but what is stored.
    fleet.nodes[0].kill();
    fleet.nodes[1].kill();
    let before = to.received();
    answers.store(true, Ordering::SeqCst);
    fleet.nodes[1].start().await;
    fleet.nodes[1].becomes_ready().await;
    let came = || -> BTreeSet<String> {
        let after = to.received().split_off(before.len());
        after.iter().filter_map(|it| it.message()["aggregateid"].as_str().map(str::to_owned)).collect()
    };
    poll::until("all have come", SETTLE, async || match came() {
        all if all.is_superset(&expected) => Ok(()),
        some => Err(some.len()),
    })
    .await;
    let ids = |messages: &[Received]| -> BTreeSet<String> {
        messages.iter().filter_map(|it| it.header("webhook-id").map(str::to_owned)).collect()
    };
    let all = to.received();
    assert!(ids(&before).is_subset(&ids(&all[before.len()..])), "what was in hand comes again under its id");
    assert_eq!(ids(&all).len(), KEYS, "no message has two ids");
    let path = format!("{}/{}", ready.organization.path("webhooks"), text(&hook, "id"));
    poll::until("nothing waits", SETTLE, async || {
        let shown = fleet.admin(1, Ask::get(&path)).await.json();
        let deliveries = &shown["deliveries"];
        if deliveries["waiting"] == 0 && deliveries["dead"] == 0 { Ok(()) } else { Err(shown) }
    })
    .await;
}
