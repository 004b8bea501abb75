//! What an administrator orders of deliveries: a test, dead letters once more, a replay.

use events::{LogId, Owner, WebhookId};
use uuid::Uuid;

use super::Done;
use super::queue::{BEGIN, heads};
use crate::postgres::{Pool, ReadModelError};

/// What came of asking for a replay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Replay {
    /// Events after the place asked for, up to this one, are sent again.
    UpTo(u64),
    /// One is under way.
    Busy,
    /// The webhook is not known to the deliveries yet.
    NotThere,
}

/// Queues a test of this webhook. False: it is not there.
pub async fn test(pool: &Pool, owner: Owner, webhook: WebhookId, message: Uuid) -> Done<bool> {
    sqlx::query(BEGIN).execute(pool.inner()).await?;
    let queued = sqlx::query(
        "INSERT INTO webhook_queue (webhook, owner, message, kind, object, lane, head) \
         SELECT webhook, owner, $3, 'webhook.test', 'webhook:' || webhook, nextval('webhook_lanes'), true \
         FROM webhook_cursors WHERE webhook = $1 AND owner = $2",
    )
    .bind(webhook.uuid())
    .bind(owner.to_string())
    .bind(message)
    .execute(pool.inner())
    .await?;
    Ok(queued.rows_affected() == 1)
}

/// Sends dead letters once more, one or all of them, in a lane of their own. How many.
pub async fn resend(pool: &Pool, owner: Owner, webhook: WebhookId, one: Option<i64>) -> Done<u64> {
    let mut transaction = pool.inner().begin().await?;
    sqlx::query("SELECT FROM webhook_cursors WHERE webhook = $1 FOR UPDATE")
        .bind(webhook.uuid())
        .execute(&mut *transaction)
        .await?;
    let ids: Vec<i64> = sqlx::query_scalar(
        "WITH lane AS MATERIALIZED (SELECT nextval('webhook_lanes') AS lane) \
         UPDATE webhook_queue q SET dead_at = NULL, attempts = 0, next_at = now(), lane = lane.lane FROM lane \
         WHERE q.id IN (SELECT id FROM webhook_queue WHERE webhook = $1 AND owner = $2 AND dead_at IS NOT NULL \
             AND ($3::bigint IS NULL OR id = $3) ORDER BY id LIMIT $4) \
         RETURNING q.id",
    )
    .bind(webhook.uuid())
    .bind(owner.to_string())
    .bind(one)
    .bind(super::MAX_WAITING)
    .fetch_all(&mut *transaction)
    .await?;
    heads(&mut transaction, &ids).await?;
    transaction.commit().await?;
    Ok(u64::try_from(ids.len()).unwrap_or(u64::MAX))
}

/// Has what waits for its next attempt tried at once, and by as many as when nothing fails. How many.
pub async fn retry(pool: &Pool, owner: Owner, webhook: WebhookId) -> Done<u64> {
    let mut transaction = pool.inner().begin().await?;
    sqlx::query("UPDATE webhook_cursors SET failing = false WHERE webhook = $1 AND owner = $2")
        .bind(webhook.uuid())
        .bind(owner.to_string())
        .execute(&mut *transaction)
        .await?;
    let due = sqlx::query(
        "UPDATE webhook_queue SET next_at = now() WHERE webhook = $1 AND owner = $2 AND head AND dead_at IS NULL \
         AND claim IS NULL AND next_at > now()",
    )
    .bind(webhook.uuid())
    .bind(owner.to_string())
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(due.rows_affected())
}

/// Begins to send again what happened after a place, up to where the webhook stands.
pub async fn replay(
    pool: &Pool,
    owner: Owner,
    webhook: WebhookId,
    log: LogId,
    after: u64,
) -> Result<Replay, ReadModelError> {
    sqlx::query(BEGIN).execute(pool.inner()).await?;
    let until: Option<i64> = sqlx::query_scalar(
        "UPDATE webhook_cursors SET replay_after = $4, replay_until = sequence, \
         replay_lane = nextval('webhook_lanes') \
         WHERE webhook = $1 AND owner = $2 AND log = $3 AND replay_after IS NULL RETURNING replay_until",
    )
    .bind(webhook.uuid())
    .bind(owner.to_string())
    .bind(log.uuid())
    .bind(after.cast_signed())
    .fetch_optional(pool.inner())
    .await?;
    if let Some(until) = until {
        return Ok(Replay::UpTo(until.cast_unsigned()));
    }
    let there: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM webhook_cursors WHERE webhook = $1 AND owner = $2 AND log = $3)",
    )
    .bind(webhook.uuid())
    .bind(owner.to_string())
    .bind(log.uuid())
    .fetch_one(pool.inner())
    .await?;
    Ok(if there { Replay::Busy } else { Replay::NotThere })
}

/// An endpoint that said to be gone is asked again.
pub async fn start_again(pool: &Pool, owner: Owner, webhook: WebhookId) -> Done<bool> {
    let sql = "UPDATE webhook_cursors SET stopped_at = NULL, failing = false \
               WHERE webhook = $1 AND owner = $2 AND stopped_at IS NOT NULL";
    let started = sqlx::query(sql).bind(webhook.uuid()).bind(owner.to_string()).execute(pool.inner()).await?;
    Ok(started.rows_affected() == 1)
}
