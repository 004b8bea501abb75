//! Sends webhooks what is queued for them, on every worker.
//!
//! It promises: what was queued is sent at least once, under the same `webhook-id` at each attempt, signed as Standard
//! Webhooks says, by the way that upstreams are called (the guard on addresses, no redirect followed); an attempt has a
//! bound; an answer's body is dropped. What is queued, in which order, and who sends it is PostgreSQL's to tell
//! (`projections::postgres::delivery`). No URL and no secret is in a log line: a host is all that is said.

mod backoff;
mod message;
mod send;

use std::sync::Arc;
use std::time::Duration;

use events::clock::{Clock, Random, uuid_v7};
use projections::origin::ReadModels;
use projections::postgres::delivery::{self, Claims, Delivery};
use projections::postgres::{Pool, ReadModelError};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::Webhooks;
use crate::telemetry;
use crate::upstream::HyperUpstream;
use crate::vault::WebhookSecrets;

/// What sending takes.
pub struct Sender {
    pub pool: Pool,
    pub upstream: HyperUpstream,
    pub secrets: WebhookSecrets,
    pub settings: Webhooks,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
}

/// How often it is looked for what is new and what is due.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// After something failed.
const PAUSE: Duration = Duration::from_secs(2);
/// How often old rows are let go, and all of it is measured.
const SWEEP_EVERY: Duration = Duration::from_secs(15);
/// A claim holds for this long beyond an attempt's bound.
const BEYOND: Duration = Duration::from_secs(5);
/// How long attempts under way may still take when the process ends.
const LAST: Duration = Duration::from_secs(5);

impl Sender {
    /// Until it is told to end. Beside a newer version's tables it rests.
    pub async fn run(self, read_models: watch::Receiver<ReadModels>, cancel: CancellationToken) {
        let sender = Arc::new(self);
        let mut attempts = JoinSet::new();
        let mut swept = None;
        while !cancel.is_cancelled() {
            let mut pause = LOOK_EVERY;
            if read_models.borrow().newer.is_some() {
                pause = PAUSE;
            } else {
                match sender.look(&mut attempts, &mut swept).await {
                    Ok(true) => pause = Duration::ZERO,
                    Ok(false) => {}
                    Err(error) => {
                        tracing::debug!(%error, "webhooks wait for the read models");
                        pause = PAUSE;
                    }
                }
            }
            tokio::select! {
                biased;
                () = cancel.cancelled() => {}
                Some(ended) = attempts.join_next(), if !attempts.is_empty() => {
                    Self::ended(&ended);
                    while let Some(ended) = attempts.try_join_next() {
                        Self::ended(&ended);
                    }
                }
                () = tokio::time::sleep(pause) => {}
            }
        }
        // What does not end in time is taken up again when its claim has run out.
        let _ = tokio::time::timeout(LAST, async { while attempts.join_next().await.is_some() {} }).await;
    }

    fn ended(ended: &Result<(), tokio::task::JoinError>) {
        if ended.as_ref().is_err_and(tokio::task::JoinError::is_panic) {
            telemetry::count_panic("webhook");
        }
    }

    /// Queues what happened and takes up what is due. True: there is more at once.
    async fn look(
        self: &Arc<Self>,
        attempts: &mut JoinSet<()>,
        swept: &mut Option<std::time::Instant>,
    ) -> Result<bool, ReadModelError> {
        let now = self.clock.instant();
        if swept.is_none_or(|at| now.saturating_duration_since(at) >= SWEEP_EVERY) {
            *swept = Some(now);
            delivery::sweep(&self.pool, self.settings.keep()).await?;
            let measured = delivery::measure(&self.pool).await?;
            metrics::gauge!("keyledger_webhook_queue_age_seconds").set(measured.age_seconds);
            metrics::gauge!("keyledger_webhook_waiting").set(count(measured.waiting));
            metrics::gauge!("keyledger_webhook_dead").set(count(measured.dead));
        }
        let more = delivery::queue(&self.pool).await?;
        let under_way = u32::try_from(attempts.len()).unwrap_or(u32::MAX);
        let claims = Claims {
            room: self.settings.at_once.saturating_sub(under_way),
            each: self.settings.each,
            hold: self.settings.timeout() + BEYOND,
        };
        let claim = uuid_v7(&*self.clock, &*self.random);
        for taken in delivery::claim(&self.pool, claim, claims).await? {
            let sender = Arc::clone(self);
            attempts.spawn(async move { sender.deliver(&taken).await });
        }
        Ok(more)
    }

    async fn deliver(&self, delivery: &Delivery) {
        let attempt = self.attempt(delivery).await;
        telemetry::record("keyledger_webhook_attempt_seconds", &[], attempt.took);
        metrics::counter!("keyledger_webhook_deliveries_total", "outcome" => attempt.then.as_str())
            .increment(1);
        let (webhook, host) = (delivery.webhook, delivery.url.host());
        tracing::debug!(%webhook, host, message = %delivery.message, status = attempt.status,
            error = ?attempt.error, outcome = attempt.then.as_str(), "a webhook was called");
        if attempt.then == delivery::Then::Stop {
            tracing::warn!(%webhook, host, "the endpoint says that it is gone: nothing is sent to it until the webhook is resumed");
        }
        // It may be sent once more: that it was delivered is not known to anybody then.
        if let Err(error) = delivery::finish(&self.pool, delivery, &attempt).await {
            tracing::warn!(%webhook, %error, "what came of a webhook's call was not stored: it is made again");
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
fn count(rows: u64) -> f64 {
    rows as f64
}
