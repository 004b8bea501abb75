//! The server stopped, or stands still: told within a bound, and told apart.

use std::time::Duration;

use async_nats::connection::State;
use events::LogId;
use events::clock::{Clock, SystemClock};
use events::log::{AppendError, Batch, Entry, Expected, Log, ReadError};
use futures::StreamExt;

use keyledger_tests::servers::Way;

use crate::proxy;
use crate::server::{eventually, with_log};
use keyledger_tests::signing::signed;

use crate::setting::{bootstrap, fill, key, on, one};

const BOUND: Duration = Duration::from_secs(8);

#[tokio::test]
async fn with_the_server_stopped_nothing_is_stored_and_that_is_told() {
    let (mut nats, log) = with_log().await;
    let id = bootstrap(&log).await;
    nats.kill().await;
    // The client may need a moment to see it; until then the outcome is unknown.
    let refused = eventually("told as unavailable", async || {
        match log.append(one(on(id, &key()), Expected::Last(0))).await {
            Err(AppendError::Unavailable(_)) => Some(()),
            Err(AppendError::OutcomeUnknown(_)) => None,
            other => panic!("{other:?}"),
        }
    });
    refused.await;

    let subject = key();
    let started = SystemClock.instant();
    let told = log.append(one(on(id, &subject), Expected::Last(0))).await;
    assert!(matches!(told, Err(AppendError::Unavailable(_))), "{told:?}");
    let told = log.history(&subject).await;
    assert!(matches!(told, Err(ReadError::Unavailable(_))), "{told:?}");
    assert!(started.elapsed() < BOUND);

    nats.start_again().await;
    let history = eventually("the log answers again", async || log.history(&subject).await.ok()).await;
    assert_eq!(history.last, 0, "what was told as not stored came after all");
    log.append(one(on(id, &subject), Expected::Last(0))).await.unwrap();
}

#[tokio::test]
async fn with_the_server_standing_still_the_outcome_is_unknown_and_asking_again_tells() {
    let (nats, log) = with_log().await;
    let id = bootstrap(&log).await;
    let batch = one(on(id, &key()), Expected::Last(0));
    nats.pause().await;
    let started = SystemClock.instant();
    let told = log.append(batch.clone()).await;
    let took = started.elapsed();
    nats.resume().await;
    assert!(matches!(told, Err(AppendError::OutcomeUnknown(_))), "{told:?}");
    assert!(took < BOUND, "{took:?}");

    let position = eventually("asking again tells", async || log.append(batch.clone()).await.ok()).await;
    assert_eq!(position.sequence, 2);
    assert_eq!(log.info().await.unwrap().messages, 2);
}

/// The acknowledgement is lost, and the connection with it: the log itself is asked, over the next connection.
#[tokio::test]
async fn a_lost_acknowledgement_is_made_good_over_the_next_connection() {
    let (nats, direct) = with_log().await;
    let id = bootstrap(&direct).await;
    let proxy = proxy::to(&nats).await;
    let log = proxy::log(&proxy, &nats).await;
    let subject = key();
    proxy.set(Way::Deaf);
    let breaking = async {
        eventually("it is stored", async || (direct.info().await.unwrap().last_sequence == 2).then_some(()))
            .await;
        proxy.set(Way::Cut);
        eventually("the connection is lost", async || {
            (log.client().connection_state() == State::Disconnected).then_some(())
        })
        .await;
        proxy.set(Way::Open);
    };
    let (stored, ()) = tokio::join!(log.append(one(on(id, &subject), Expected::Last(0))), breaking);
    assert_eq!(stored.unwrap().sequence, 2);
}

/// What is told as unknown while the server can't be heard is told as it is by asking again, and is there once.
#[tokio::test]
async fn an_unheard_acknowledgement_is_unknown_and_asking_again_tells() {
    let (nats, direct) = with_log().await;
    let id = bootstrap(&direct).await;
    let proxy = proxy::to(&nats).await;
    let log = proxy::log(&proxy, &nats).await;
    let batch = one(on(id, &key()), Expected::Last(0));
    proxy.set(Way::Deaf);
    let told = log.append(batch.clone()).await;
    assert!(matches!(told, Err(AppendError::OutcomeUnknown(_))), "{told:?}");
    proxy.set(Way::Open);
    let position = eventually("asking again tells", async || log.append(batch.clone()).await.ok()).await;
    assert_eq!(position.sequence, 2);
    assert_eq!(direct.info().await.unwrap().messages, 2);
}

/// A batch that was not committed before the connection broke leaves nothing.
#[tokio::test]
async fn a_batch_that_is_cut_off_is_stored_whole_or_not_at_all() {
    let (nats, direct) = with_log().await;
    let id = bootstrap(&direct).await;
    let proxy = proxy::to(&nats).await;
    let log = proxy::log(&proxy, &nats).await;
    for round in 0..12_u64 {
        let before = direct.info().await.unwrap().last_sequence;
        let cut = async {
            tokio::time::sleep(Duration::from_micros(round * 150)).await;
            proxy.set(Way::Cut);
        };
        let (told, ()) = tokio::join!(log.append(several(id)), cut);
        proxy.set(Way::Open);
        eventually("the log answers again", async || log.info().await.ok()).await;
        let stored = direct.info().await.unwrap().last_sequence - before;
        match told {
            Ok(_) => assert_eq!(stored, 3, "round {round}"),
            Err(AppendError::Unavailable(_)) => assert_eq!(stored, 0, "round {round}"),
            Err(AppendError::OutcomeUnknown(_)) => assert!(stored == 0 || stored == 3, "round {round}"),
            Err(other) => panic!("round {round}: {other:?}"),
        }
    }
}

fn several(id: LogId) -> Batch {
    Batch {
        entries: (0..3)
            .map(|_| Entry { event: signed(on(id, &key())), expected: Expected::Last(0) })
            .collect(),
    }
}

#[tokio::test]
async fn a_follower_goes_on_after_a_standstill_and_after_cuts() {
    let (nats, direct) = with_log().await;
    bootstrap(&direct).await;
    let proxy = proxy::to(&nats).await;
    let mut follower = proxy::log(&proxy, &nats).await.follow(None).await.unwrap();
    let mut next = 1;
    for way in [Way::Cut, Way::Deaf, Way::Cut, Way::Deaf] {
        fill(&direct, 10).await;
        proxy.set(way);
        fill(&direct, 10).await;
        // Long enough for a follower that hears nothing to give its consumer up.
        tokio::time::sleep(Duration::from_millis(1_300)).await;
        proxy.set(Way::Open);
        let end = direct.info().await.unwrap().last_sequence;
        let rest = usize::try_from(end + 1 - next).unwrap();
        let seen: Vec<u64> = follower.by_ref().take(rest).map(|item| item.unwrap().sequence).collect().await;
        assert_eq!(seen, (next..=end).collect::<Vec<_>>());
        next = end + 1;
    }
}

#[tokio::test]
async fn with_the_server_standing_still_a_follower_waits_and_goes_on() {
    let (nats, log) = with_log().await;
    bootstrap(&log).await;
    let mut follower = log.follow(None).await.unwrap();
    assert_eq!(follower.next().await.unwrap().unwrap().sequence, 1);
    nats.pause().await;
    let waiting = tokio::time::timeout(Duration::from_secs(2), follower.next()).await;
    assert!(waiting.is_err(), "{waiting:?}");
    nats.resume().await;
    eventually("the log answers again", async || log.info().await.ok()).await;
    fill(&log, 3).await;
    for sequence in 2..=4 {
        assert_eq!(follower.next().await.unwrap().unwrap().sequence, sequence);
    }
}
