//! What an administrator sees of deliveries, what metrics tell, and what is let go.

use std::collections::HashMap;
use std::time::Duration;

use events::{Timestamp, WebhookId};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sqlx::types::Json;
use uuid::Uuid;

use super::{Done, seconds};
use crate::postgres::page::List;
use crate::postgres::{Page, PageQuery, Pool};

/// How a webhook's deliveries stand.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct Standing {
    /// Every event up to this sequence is queued.
    pub sequence: u64,
    pub waiting: u64,
    pub dead: u64,
    pub failing: bool,
    pub stopped_at: Option<Timestamp>,
    pub oldest_at: Option<Timestamp>,
    pub replaying: bool,
}

/// One attempt, as the log has it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct AttemptRow {
    pub id: i64,
    pub message: Uuid,
    pub sequence: Option<u64>,
    pub kind: String,
    pub lane: i64,
    pub attempt: u32,
    pub at: Timestamp,
    pub status: Option<u16>,
    pub millis: u64,
    pub outcome: String,
    pub error: Option<String>,
}

/// A delivery that was given up.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct DeadRow {
    pub id: i64,
    pub message: Uuid,
    pub sequence: Option<u64>,
    pub kind: String,
    pub object: String,
    pub attempts: u32,
    pub queued_at: Timestamp,
    pub dead_at: Timestamp,
    pub last_error: Option<String>,
}

/// What metrics tell of all deliveries.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Measured {
    pub waiting: u64,
    pub dead: u64,
    /// How long the oldest that waits has been queued.
    pub age_seconds: f64,
}

/// How these webhooks' deliveries stand.
pub async fn standing(pool: &Pool, webhooks: &[WebhookId]) -> Done<HashMap<WebhookId, Standing>> {
    let ids: Vec<Uuid> = webhooks.iter().map(|id| id.uuid()).collect();
    let found: Vec<(Uuid, Json<Standing>)> =
        sqlx::query_as(STANDING).bind(ids).fetch_all(pool.inner()).await?;
    Ok(found.into_iter().map(|(id, Json(standing))| (WebhookId::new(id), standing)).collect())
}

const STANDING: &str = "SELECT c.webhook, jsonb_build_object('sequence', c.sequence, 'failing', c.failing, \
     'stopped_at', c.stopped_at, 'replaying', c.replay_after IS NOT NULL, 'waiting', q.waiting, 'dead', q.dead, \
     'oldest_at', q.oldest_at) FROM webhook_cursors c CROSS JOIN LATERAL ( \
         SELECT count(*) FILTER (WHERE dead_at IS NULL) AS waiting, count(*) FILTER (WHERE dead_at IS NOT NULL) AS dead, \
         min(queued_at) FILTER (WHERE dead_at IS NULL) AS oldest_at FROM webhook_queue q WHERE q.webhook = c.webhook) q \
     WHERE c.webhook = ANY($1)";

/// The delivery log of a webhook, newest first. Whose it is, is looked at before.
pub async fn attempts(pool: &Pool, webhook: WebhookId, query: &PageQuery) -> Done<Page<AttemptRow>> {
    page(pool, (List::Attempts, ATTEMPTS), webhook, query, |row: &AttemptRow| row.id).await
}

pub(in crate::postgres) const ATTEMPTS: &str = "SELECT to_jsonb(a) FROM webhook_attempts a WHERE webhook = $1 \
     AND id < $2 ORDER BY id DESC LIMIT $3";

/// The dead letters of a webhook, newest first. Whose it is, is looked at before.
pub async fn dead(pool: &Pool, webhook: WebhookId, query: &PageQuery) -> Done<Page<DeadRow>> {
    page(pool, (List::DeadLetters, DEAD), webhook, query, |row: &DeadRow| row.id).await
}

pub(in crate::postgres) const DEAD: &str = "SELECT to_jsonb(q) FROM webhook_queue q WHERE webhook = $1 \
     AND id < $2 AND dead_at IS NOT NULL ORDER BY id DESC LIMIT $3";

/// A page of what a webhook has by id, newest first.
async fn page<Row: DeserializeOwned + Send + Unpin + 'static>(
    pool: &Pool,
    (list, sql): (List, &'static str),
    webhook: WebhookId,
    query: &PageQuery,
    id: impl Fn(&Row) -> i64,
) -> Done<Page<Row>> {
    let (_, before) = query.after(list)?.unwrap_or((0, i64::MAX));
    let rows: Vec<Json<Row>> = sqlx::query_scalar(sql)
        .bind(webhook.uuid())
        .bind(before)
        .bind(query.fetch())
        .fetch_all(pool.inner())
        .await?;
    let rows = rows.into_iter().map(|Json(row)| row).collect();
    Ok(Page::of(rows, query, list, |row| (0, id(row))))
}

pub async fn measure(pool: &Pool) -> Done<Measured> {
    let sql = "SELECT jsonb_build_object('waiting', count(*) FILTER (WHERE dead_at IS NULL), \
               'dead', count(*) FILTER (WHERE dead_at IS NOT NULL), 'age_seconds', \
               coalesce(extract(epoch FROM now() - min(queued_at) FILTER (WHERE dead_at IS NULL)), 0)) \
               FROM webhook_queue";
    let Json(measured) = sqlx::query_scalar(sql).fetch_one(pool.inner()).await?;
    Ok(measured)
}

/// Lets go what is older than is kept, and what belongs to webhooks that are removed. How many rows.
pub async fn sweep(pool: &Pool, keep: Duration) -> Done<u64> {
    let mut gone = 0;
    for sql in [
        "DELETE FROM webhook_attempts WHERE id IN (SELECT id FROM webhook_attempts \
         WHERE at < now() - $1 * interval '1 second' ORDER BY at LIMIT 10000)",
        "DELETE FROM webhook_queue WHERE id IN (SELECT id FROM webhook_queue WHERE dead_at IS NOT NULL \
         AND queued_at < now() - $1 * interval '1 second' AND dead_at < now() - $1 * interval '1 second' \
         ORDER BY queued_at LIMIT 10000)",
        "DELETE FROM webhook_queue WHERE $1 > 0 AND id IN (SELECT q.id FROM webhooks w JOIN webhook_queue q \
         ON q.webhook = w.id WHERE w.state = 'removed' LIMIT 10000)",
        "DELETE FROM webhook_cursors WHERE $1 > 0 AND webhook IN (SELECT id FROM webhooks WHERE state = 'removed')",
    ] {
        gone += sqlx::query(sql).bind(seconds(keep)).execute(pool.inner()).await?.rows_affected();
    }
    Ok(gone)
}
