//! The server stopped, or stands still: told within a bound, and told apart.

use std::time::Duration;

use events::clock::{Clock, SystemClock};
use events::log::{AppendError, Expected, Log, ReadError};

use crate::server::{eventually, with_log};
use crate::setting::{bootstrap, key, on, one};

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
