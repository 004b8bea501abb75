//! A server is cut off from its peers, and keeps its clients' connections: they leave it for another.

use std::time::Duration;

use events::log::Log;
use events::log::jetstream::JetStreamLog;
use futures::StreamExt;
use gateway::config::NatsRole;
use keyledger_tests::poll;
use keyledger_tests::servers::{Cluster, MEMBERS, Way};

use crate::setting::{bootstrap, fill};

const BOUND: Duration = Duration::from_secs(60);

/// The log over a connection to any server, which happens to be to this one.
async fn connected_to(cluster: &Cluster, member: usize) -> JetStreamLog {
    let (log, _) = poll::until("a connection to this server", BOUND, async || {
        let log = cluster.log(NatsRole::Control).await;
        match at(&log) {
            found if found == cluster.url(member) => Ok(log),
            other => Err(other),
        }
    })
    .await;
    log
}

fn at(log: &JetStreamLog) -> String {
    let server = log.client().server_info();
    format!("nats://{}:{}", server.host, server.port)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_leave_a_server_that_was_cut_off() {
    let cluster = Cluster::set_up().await;
    let first = cluster.log(NatsRole::Control).await;
    bootstrap(&first).await;
    let mut written = 1;
    let leader = cluster.leader(0, None).await;
    // A follower first, then the leader.
    for member in [(leader + 1) % MEMBERS, leader] {
        let log = connected_to(&cluster, member).await;
        // The cluster may elect whoever places consumers.
        let (mut follower, _) = poll::until("a follower", BOUND, async || log.follow(None).await).await;
        for _ in 0..written {
            poll::within("an event", BOUND, follower.next()).await.unwrap().unwrap();
        }

        cluster.routes(member, Way::Still);
        let (_, took) =
            poll::until("an answer that proves something", BOUND, async || match log.info().await {
                Ok(info) if info.is_proof() && at(&log) != cluster.url(member) => Ok(()),
                other => Err(other),
            })
            .await;
        eprintln!("{} was left after {took:?}", if member == leader { "the leader" } else { "a follower" });
        // All goes on over the other server.
        fill(&log, 1).await;
        written += 1;
        let next = poll::within("the next event", BOUND, follower.next()).await.unwrap().unwrap();
        assert_eq!(next.sequence, written);
        cluster.routes(member, Way::Open);
        let healed = cluster.log_at(member, NatsRole::Control).await;
        poll::until("all is well", BOUND, async || match healed.info().await {
            Ok(info) if info.is_proof() && info.last_sequence == written => Ok(()),
            other => Err(other),
        })
        .await;
    }
}
