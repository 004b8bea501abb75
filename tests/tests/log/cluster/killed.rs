//! The log's leader changes while many write: it is killed, or gives the lead away again and again.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use events::log::{AppendError, Batch, Entry, Expected, Log};
use futures::StreamExt;
use futures::future::join_all;
use gateway::config::NatsRole;
use keyledger_tests::poll;
use keyledger_tests::servers::{Cluster, MEMBERS, ROOT};
use keyledger_tests::signing::signed;

use crate::setting::{bootstrap, key, on};

const WRITERS: usize = 8;
/// Batches of one writer: it goes on until the leader has changed, within these.
const BATCHES: std::ops::Range<usize> = 20..400;
const BOUND: Duration = Duration::from_secs(60);

/// Each writer sends each of its batches again until it is answered. All are stored, none of them twice, and a
/// follower sees each event once and in order.
async fn nothing_is_lost_or_doubled(change: impl AsyncFnOnce(&mut Cluster, usize)) {
    let mut cluster = Cluster::set_up().await;
    let log = cluster.log(NatsRole::Control).await;
    let id = bootstrap(&log).await;
    let mut follower = log.follow(None).await.unwrap();
    let leader = cluster.leader(0, None).await;
    let other = (leader + 1) % MEMBERS;
    let logs = join_all((0..WRITERS).map(|_| cluster.log_at(other, NatsRole::Control))).await;

    let (stored, again) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let changed = AtomicBool::new(false);
    let writers = join_all(logs.iter().map(async |log| {
        for number in 0..BATCHES.end {
            if changed.load(Ordering::SeqCst) && number >= BATCHES.start {
                break;
            }
            // Single events and batches by turns.
            let entries = (0..1 + number % 2)
                .map(|_| Entry { event: signed(on(id, &key())), expected: Expected::Last(0) })
                .collect();
            let batch = Batch { entries };
            poll::until("the batch is stored", BOUND, async || match log.append(batch.clone()).await {
                Ok(position) => Ok(position),
                // A conflict as well: a server that has not heard of the change yet may not know the events.
                Err(
                    error @ (AppendError::Unavailable(_)
                    | AppendError::OutcomeUnknown(_)
                    | AppendError::Conflict),
                ) => {
                    again.fetch_add(1, Ordering::SeqCst);
                    Err(error)
                }
                Err(error @ AppendError::Refused(_)) => panic!("{error}"),
            })
            .await;
            stored.fetch_add(batch.entries.len(), Ordering::SeqCst);
        }
    }));
    let changing = async {
        poll::until("some are stored", BOUND, async || match stored.load(Ordering::SeqCst) {
            found @ 0..40 => Err(found),
            _ => Ok(()),
        })
        .await;
        change(&mut cluster, leader).await;
        changed.store(true, Ordering::SeqCst);
    };
    tokio::join!(writers, changing);

    let written = stored.load(Ordering::SeqCst);
    eprintln!("{written} events; {} answers were no acknowledgement", again.load(Ordering::SeqCst));
    let mut seen = BTreeSet::new();
    for expected in 1..=1 + written as u64 {
        let stored = poll::within("the next event", BOUND, follower.next()).await.unwrap().unwrap();
        assert_eq!(stored.sequence, expected);
        let events::Read::Event(event) = stored.read(id) else { panic!("an event") };
        assert!(seen.insert(event.envelope.id), "twice: {}", event.envelope.id);
    }
    let (info, _) = poll::until("the log's end", BOUND, async || log.info().await).await;
    assert_eq!(info.last_sequence, 1 + written as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_when_the_leader_dies() {
    nothing_is_lost_or_doubled(async |cluster, leader| cluster.kill(leader)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_when_the_lead_moves_on() {
    nothing_is_lost_or_doubled(async |cluster, mut leader| {
        let root = cluster.connect(ROOT).await;
        for _ in 0..5 {
            root.request("$JS.API.STREAM.LEADER.STEPDOWN.KL_EVENTS_0", "".into()).await.unwrap();
            leader = cluster.leader(0, Some(leader)).await;
        }
    })
    .await;
}
