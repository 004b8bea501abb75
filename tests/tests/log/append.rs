//! Appending: what must hold, holds; all or none; once.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use events::clock::{SystemClock, SystemRandom};
use events::log::jetstream::{JetStreamLog, Timeouts};
use events::log::{AppendError, Batch, Entry, Expected, Log};
use futures::future::join_all;
use gateway::config::NatsRole;

use crate::server::{open, with_log};
use keyledger_tests::signing::signed;

use crate::setting::{bootstrap, first, key, on, one};

#[tokio::test]
async fn a_log_is_started_once() {
    let (_nats, log) = with_log().await;
    let tries = join_all((0..8).map(|_| log.append(one(first(), Expected::EmptyLog)))).await;
    let started: Vec<_> = tries.iter().flatten().collect();
    assert_eq!(started.len(), 1);
    assert!(tries.iter().flat_map(|t| t.as_ref().err()).all(|e| matches!(e, AppendError::Conflict)));
    assert_eq!(log.id().await.unwrap(), started[0].log);
    assert_eq!(started[0].sequence, 1);
}

#[tokio::test]
async fn of_many_writers_one_wins_each_sequence() {
    let (nats, log) = with_log().await;
    let id = bootstrap(&log).await;
    let subject = key();
    let mut last = 0;
    for _round in 0..10 {
        let mut writers = Vec::new();
        for _ in 0..8 {
            writers.push(open(&nats).await);
        }
        let tries =
            join_all(writers.iter().map(|w| w.append(one(on(id, &subject), Expected::Last(last))))).await;
        let won: Vec<_> = tries.iter().flatten().collect();
        assert_eq!(won.len(), 1);
        assert!(tries.iter().flat_map(|t| t.as_ref().err()).all(|e| matches!(e, AppendError::Conflict)));
        last = won[0].sequence;
    }
    let history = log.history(&subject).await.unwrap();
    assert_eq!(history.events.len(), 10);
    assert_eq!(history.last, last);
}

#[tokio::test]
async fn a_first_event_is_refused_where_there_is_one() {
    let (_nats, log) = with_log().await;
    let id = bootstrap(&log).await;
    let subject = key();
    log.append(one(on(id, &subject), Expected::Last(0))).await.unwrap();
    let again = log.append(one(on(id, &subject), Expected::Last(0))).await;
    assert!(matches!(again, Err(AppendError::Conflict)), "{again:?}");
}

#[tokio::test]
async fn a_batch_is_stored_whole_and_in_order() {
    let (_nats, log) = with_log().await;
    let id = bootstrap(&log).await;
    let (a, b) = (key(), key());
    let batch = Batch {
        entries: vec![
            Entry { event: signed(on(id, &a)), expected: Expected::Last(0) },
            Entry { event: signed(on(id, &b)), expected: Expected::Last(0) },
            Entry { event: signed(on(id, &a)), expected: Expected::Following },
        ],
    };
    let position = log.append(batch).await.unwrap();
    assert_eq!(position.sequence, 4);
    let sequences =
        |history: events::log::History| history.events.iter().map(|e| e.sequence).collect::<Vec<_>>();
    assert_eq!(sequences(log.history(&a).await.unwrap()), [2, 4]);
    assert_eq!(sequences(log.history(&b).await.unwrap()), [3]);
}

#[tokio::test]
async fn a_batch_of_which_one_expectation_fails_stores_nothing() {
    let (_nats, log) = with_log().await;
    let id = bootstrap(&log).await;
    let (fresh, taken) = (key(), key());
    log.append(one(on(id, &taken), Expected::Last(0))).await.unwrap();
    for order in [[&fresh, &taken], [&taken, &fresh]] {
        let entries =
            order.iter().map(|s| Entry { event: signed(on(id, s)), expected: Expected::Last(0) }).collect();
        let refused = log.append(Batch { entries }).await;
        assert!(matches!(refused, Err(AppendError::Conflict)), "{refused:?}");
    }
    assert_eq!(log.history(&fresh).await.unwrap().last, 0);
    assert_eq!(log.info().await.unwrap().last_sequence, 2);
}

#[tokio::test]
async fn the_largest_batch_is_stored_and_a_larger_one_refused() {
    let (_nats, log) = with_log().await;
    let id = bootstrap(&log).await;
    let batch = |count: usize| Batch {
        entries: (0..count)
            .map(|_| Entry { event: signed(on(id, &key())), expected: Expected::Last(0) })
            .collect(),
    };
    assert_eq!(log.append(batch(Batch::MAX)).await.unwrap().sequence, 1_001);
    assert!(matches!(log.append(batch(Batch::MAX + 1)).await, Err(AppendError::Refused(_))));
}

#[tokio::test]
async fn more_batches_at_once_than_the_stream_takes_are_all_stored() {
    let (_nats, log) = with_log().await;
    let id = bootstrap(&log).await;
    let batches = (0..200).map(|_| {
        log.append(Batch {
            entries: (0..3)
                .map(|_| Entry { event: signed(on(id, &key())), expected: Expected::Last(0) })
                .collect(),
        })
    });
    for stored in join_all(batches).await {
        stored.unwrap();
    }
    assert_eq!(log.info().await.unwrap().last_sequence, 601);
}

/// A retry after a lost acknowledgement: the sequence has moved, by these very events.
#[tokio::test]
async fn events_that_are_there_already_count_as_appended() {
    let (_nats, log) = with_log().await;
    let start = first();
    let id = start.log;
    let stored = log.append(one(start.clone(), Expected::EmptyLog)).await.unwrap();
    assert_eq!(log.append(one(start, Expected::EmptyLog)).await.unwrap(), stored);

    let single = one(on(id, &key()), Expected::Last(0));
    let stored = log.append(single.clone()).await.unwrap();
    // Another event on the subject, after it, changes nothing.
    let subject = single.entries[0].event.draft().subject.clone();
    log.append(one(on(id, &subject), Expected::Last(stored.sequence))).await.unwrap();
    assert_eq!(log.append(single).await.unwrap(), stored);

    let (a, b) = (key(), key());
    let batch = Batch {
        entries: vec![
            Entry { event: signed(on(id, &a)), expected: Expected::Last(0) },
            Entry { event: signed(on(id, &b)), expected: Expected::Last(0) },
        ],
    };
    let stored = log.append(batch.clone()).await.unwrap();
    assert_eq!(log.append(batch).await.unwrap(), stored);
    assert_eq!(log.info().await.unwrap().last_sequence, 5);
}

#[tokio::test]
async fn an_event_of_another_log_is_refused() {
    let (_nats, log) = with_log().await;
    bootstrap(&log).await;
    let refused = log.append(one(on(first().log, &key()), Expected::Last(0))).await;
    assert!(matches!(refused, Err(AppendError::Refused(_))), "{refused:?}");
}

#[tokio::test]
async fn a_long_history_is_read_whole() {
    let (nats, log) = with_log().await;
    let id = bootstrap(&log).await;
    let subject = key();
    assert_eq!(log.history(&subject).await.unwrap().last, 0);
    let mut last = 0;
    for _ in 0..3 {
        let entries = (0..500)
            .map(|n| Entry {
                event: signed(on(id, &subject)),
                expected: if n == 0 { Expected::Last(last) } else { Expected::Following },
            })
            .collect();
        last = log.append(Batch { entries }).await.unwrap().sequence;
    }
    let client = nats.connect(NatsRole::Control.as_str()).await;
    let counted = JetStreamLog::open(
        client.clone(),
        Arc::new(SystemClock),
        Arc::new(SystemRandom),
        Timeouts::default(),
    );
    let counted = counted.await.unwrap();
    counted.id().await.unwrap();
    let sent = || client.statistics().out_messages.load(Ordering::Relaxed);
    let before = sent();
    let history = counted.history(&subject).await.unwrap();
    // In a few questions, not one an event.
    assert!(sent() - before < 10, "{} questions", sent() - before);
    assert_eq!(history.last, last);
    assert_eq!(
        history.events.iter().map(|e| e.sequence).collect::<Vec<_>>(),
        (2..=1_501).collect::<Vec<_>>()
    );
    assert_eq!(log.message(2).await.unwrap().as_ref(), history.events.first());
}
