//! A client that follows `/readyz`, as a load balancer does for many: it asks every node again and again, and
//! sends requests only to those that said that they are ready.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use super::Fleet;
use crate::poll;
use crate::wire::{Answer, Ask};

/// Between two questions to a node.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A node that does not answer within this is not ready.
const ANSWER: Duration = Duration::from_secs(2);

#[derive(Clone)]
pub struct Client {
    nodes: Arc<Vec<Followed>>,
    next: Arc<AtomicUsize>,
    _looking: Arc<JoinSet<()>>,
}

struct Followed {
    public: SocketAddr,
    ready: AtomicBool,
}

impl Client {
    pub fn of(fleet: &Fleet) -> Self {
        let nodes =
            fleet.nodes.iter().map(|node| Followed { public: node.public, ready: AtomicBool::new(false) });
        let nodes = Arc::new(nodes.collect::<Vec<_>>());
        let mut looking = JoinSet::new();
        for (at, node) in fleet.nodes.iter().enumerate() {
            let (nodes, metrics) = (Arc::clone(&nodes), node.metrics);
            looking.spawn(async move {
                loop {
                    let asked = Ask::get("/readyz");
                    let answer = tokio::time::timeout(ANSWER, asked.try_send(metrics)).await;
                    let ready = matches!(answer, Ok(Ok(answer)) if answer.status == 200);
                    nodes[at].ready.store(ready, Ordering::SeqCst);
                    tokio::time::sleep(LOOK_EVERY).await;
                }
            });
        }
        Self { nodes, next: Arc::new(AtomicUsize::new(0)), _looking: Arc::new(looking) }
    }

    /// Sends it to a node that is ready, in turn; waits for one.
    pub async fn send(&self, ask: &Ask) -> std::io::Result<Answer> {
        let (public, _) =
            poll::until("a node is ready", super::START, async || self.pick().ok_or("none")).await;
        ask.try_send(public).await
    }

    fn pick(&self) -> Option<SocketAddr> {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let count = self.nodes.len();
        (0..count)
            .map(|step| &self.nodes[(first + step) % count])
            .find(|node| node.ready.load(Ordering::SeqCst))
            .map(|node| node.public)
    }
}
