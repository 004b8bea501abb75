//! The log takes a command and its answer never comes, or it can't be reached at all.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::{CommandError, Dispatcher, Key};
use events::clock::SystemRandom;
use events::log::jetstream::JetStreamLog;
use events::log::{
    AppendError, Batch, FollowError, Follower, History, Known, Log, ReadError, Stored, StreamInfo,
};
use events::position::Place;
use events::{LogId, Position, Subject};
use keyledger_tests::poll;
use tokio::sync::Notify;

use crate::setting::{again, context, created_by, history, issue, rename, with_key, with_organization};

const BOUND: Duration = Duration::from_secs(20);

/// A log that tells of an append and goes on with it once the test has made its server stand still.
struct StandsStill {
    log: JetStreamLog,
    asked: Notify,
    stands_still: Notify,
}

#[async_trait]
impl Log for StandsStill {
    async fn append(&self, batch: Batch) -> Result<Position, AppendError> {
        self.asked.notify_one();
        self.stands_still.notified().await;
        self.log.append(batch).await
    }

    async fn id(&self) -> Result<LogId, ReadError> {
        self.log.id().await
    }

    async fn history_after(&self, subject: &Subject, known: Known) -> Result<History, ReadError> {
        self.log.history_after(subject, known).await
    }

    async fn message(&self, sequence: u64) -> Result<Option<Stored>, ReadError> {
        self.log.message(sequence).await
    }

    async fn info(&self) -> Result<StreamInfo, ReadError> {
        self.log.info().await
    }

    async fn follow(&self, after: Option<Place>) -> Result<Follower, FollowError> {
        self.log.follow(after).await
    }
}

#[tokio::test]
async fn asking_again_after_a_lost_answer_tells_and_does_it_once() {
    let (nats, admin, organization) = with_organization().await;
    let log =
        Arc::new(StandsStill { log: admin.log.clone(), asked: Notify::new(), stands_still: Notify::new() });
    let dispatcher =
        Dispatcher::new(Arc::<StandsStill>::clone(&log), Arc::clone(&admin.writer), Arc::new(SystemRandom));
    let context = context();
    let subject = created_by(organization, &context);
    let issue = issue();
    let stand_still = async {
        log.asked.notified().await;
        nats.pause().await;
        log.stands_still.notify_one();
    };
    let (told, ()) = tokio::join!(dispatcher.execute::<Key>(&subject, &issue, &context), stand_still);
    assert!(matches!(told, Err(CommandError::OutcomeUnknown(_))), "{told:?}");
    nats.resume().await;
    let (done, _) =
        poll::until("asking again tells", BOUND, async || admin.key(&subject, &issue, &context).await).await;
    // This very call's event, whether its first or its second sending stored it.
    assert!(done.changed && !done.replayed);
    assert_eq!(history(&admin.log, &subject).await.len(), 1);
    let later = admin.key(&subject, &issue, &again(&context)).await.unwrap();
    assert!(later.replayed && !later.changed);
    assert_eq!(history(&admin.log, &subject).await.len(), 1);
}

#[tokio::test]
async fn a_log_that_is_down_refuses_commands_and_takes_them_again() {
    let (mut nats, admin, subject) = with_key().await;
    nats.kill().await;
    let (told, _) = poll::until("told as unavailable", BOUND, async || {
        match admin.key(&subject, &rename(), &context()).await {
            Err(error @ CommandError::Unavailable(_)) => Ok(error),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    assert!(told.to_string().starts_with("unavailable"), "{told}");
    nats.start_again().await;
    let command = rename();
    let context = context();
    let (done, _) = poll::until("commands are taken again", BOUND, async || {
        admin.key(&subject, &command, &context).await
    })
    .await;
    assert!(done.changed);
    // What was told as unavailable did not come late.
    assert_eq!(history(&admin.log, &subject).await.len(), 2);
}
