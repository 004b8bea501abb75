//! The log's leader is killed while many write.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use events::id::EventId;
use events::log::{AppendError, Batch, Entry, Expected, Log};
use futures::StreamExt;
use futures::future::join_all;
use gateway::config::NatsRole;
use keyledger_tests::poll;
use keyledger_tests::servers::Cluster;

use crate::setting::{bootstrap, key, on};

const WRITERS: usize = 8;
const EACH: usize = 20;
const BOUND: Duration = Duration::from_secs(60);

/// Each writer sends each of its batches again until it is answered. All are stored, none of them twice, and a
/// follower sees each event once and in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_when_the_leader_dies() {
    let mut cluster = Cluster::set_up().await;
    let log = cluster.log(NatsRole::Control).await;
    let id = bootstrap(&log).await;
    let mut follower = log.follow(None).await.unwrap();
    let leader = cluster.leader(0, None).await;
    let survivor = (leader + 1) % 3;

    let stored = AtomicUsize::new(0);
    let again = AtomicUsize::new(0);
    let logs = join_all((0..WRITERS).map(|_| cluster.log_at(survivor, NatsRole::Control))).await;
    let writers = join_all(logs.iter().map(async |log| {
        for number in 0..EACH {
            // Single events and batches by turns.
            let entries = (0..1 + number % 2)
                .map(|_| Entry { draft: on(id, &key()), expected: Expected::Last(0) })
                .collect();
            let batch = Batch { entries };
            poll::until("the batch is stored", BOUND, async || match log.append(batch.clone()).await {
                Ok(position) => Ok(position),
                Err(error @ (AppendError::Unavailable(_) | AppendError::OutcomeUnknown(_))) => {
                    again.fetch_add(1, Ordering::SeqCst);
                    Err(error)
                }
                Err(error) => panic!("{error}"),
            })
            .await;
            stored.fetch_add(batch.entries.len(), Ordering::SeqCst);
        }
    }));
    let killing = async {
        poll::until("some are stored", BOUND, async || match stored.load(Ordering::SeqCst) {
            found @ 0..40 => Err(found),
            _ => Ok(()),
        })
        .await;
    };
    tokio::pin!(writers);
    tokio::select! {
        biased;
        _ = &mut writers => panic!("the writers were done before the leader was killed"),
        () = killing => {}
    }
    cluster.kill(leader);
    writers.await;
    eprintln!("{} answers were no acknowledgement", again.load(Ordering::SeqCst));

    let written = stored.load(Ordering::SeqCst);
    let mut seen = BTreeMap::<EventId, u64>::new();
    for expected in 1..=1 + written as u64 {
        let stored = poll::within("the next event", BOUND, follower.next()).await.unwrap().unwrap();
        assert_eq!(stored.sequence, expected);
        let events::Read::Event(event) = stored.read(id) else { panic!("an event") };
        assert_eq!(seen.insert(event.envelope.id, stored.sequence), None, "twice: {}", event.envelope.id);
    }
    assert_eq!(log.info().await.unwrap().last_sequence, 1 + written as u64);
}
