//! How long an append takes on three servers, and until it is seen. Run it alone:
//! `./test --run-ignored only measured`.

use std::time::{Duration, Instant};

use events::clock::{Clock, SystemClock};
use events::log::jetstream::JetStreamLog;
use events::log::{Expected, Log};
use futures::{StreamExt, stream};
use gateway::config::NatsRole;
use keyledger_tests::servers::{Cluster, Nats};

use crate::setting::{bootstrap, key, on, one};

const ONE_BY_ONE: usize = 1_000;
const IN_FLIGHT: usize = 10_000;
const AT_ONCE: usize = 64;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures, and shows nothing"]
async fn appends_on_one_server_and_on_three() {
    let nats = Nats::set_up().await;
    measure("one server", &nats.log(NatsRole::Control).await.unwrap()).await;
    drop(nats);
    let cluster = Cluster::set_up().await;
    let leader = cluster.leader(0, None).await;
    measure("three, at the leader", &cluster.log_at(leader, NatsRole::Control).await).await;
    drop(cluster);
    let cluster = Cluster::set_up().await;
    let leader = cluster.leader(0, None).await;
    measure("three, at another", &cluster.log_at((leader + 1) % 3, NatsRole::Control).await).await;
}

async fn measure(what: &str, log: &JetStreamLog) {
    let id = bootstrap(log).await;
    let mut follower = log.follow(None).await.unwrap();
    follower.next().await.unwrap().unwrap();
    let (mut appended, mut seen, mut read) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ONE_BY_ONE {
        let draft = on(id, &key());
        let subject = draft.subject.clone();
        let start = SystemClock.instant();
        let (stored, followed) = tokio::join!(
            async { (log.append(one(draft, Expected::Last(0))).await.unwrap(), start.elapsed()) },
            async { (follower.next().await.unwrap().unwrap(), start.elapsed()) },
        );
        assert_eq!(stored.0.sequence, followed.0.sequence);
        appended.push(stored.1);
        seen.push(followed.1);
        let start = SystemClock.instant();
        assert_eq!(log.history(&subject).await.unwrap().events.len(), 1);
        read.push(start.elapsed());
    }
    let start: Instant = SystemClock.instant();
    stream::iter(0..IN_FLIGHT)
        .map(|_| async { log.append(one(on(id, &key()), Expected::Last(0))).await.unwrap() })
        .buffer_unordered(AT_ONCE)
        .collect::<Vec<_>>()
        .await;
    let rate = IN_FLIGHT as f64 / start.elapsed().as_secs_f64();
    for (name, durations) in [("appended", appended), ("seen", seen), ("history", read)] {
        eprintln!("{what}: {name} {}", told(durations));
    }
    eprintln!("{what}: {AT_ONCE} in flight {rate:.0}/s");
}

fn told(mut durations: Vec<Duration>) -> String {
    durations.sort_unstable();
    let at = |share: usize| durations[durations.len() * share / 100];
    format!("p50 {:?}, p99 {:?}", at(50), at(99))
}
