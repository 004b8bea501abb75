//! From the history to the queue: for each webhook what its owner's events tell since its place, and replays.

use events::webhook::EventTypes;
use events::{LogId, Owner, WebhookId};
use serde::Deserialize;
use sqlx::PgConnection;
use sqlx::types::Json;

use super::{Done, MAX_WAITING, kinds};
use crate::postgres::history::{EventFilter, Feed, FeedQuery, Loss, feed, losses};
use crate::postgres::{EventRow, Pool};

/// Events that are queued for one webhook at once.
const BATCH: u32 = 500;

/// A webhook that is behind the history.
#[derive(Debug, Deserialize)]
struct Behind {
    webhook: WebhookId,
    owner: Owner,
    types: EventTypes,
    created: u64,
    log: LogId,
    sequence: u64,
    loss: u64,
    replay_after: Option<u64>,
    replay_until: Option<u64>,
    replay_lane: Option<i64>,
    history_log: LogId,
    history_sequence: u64,
}

/// Queues what came since, a batch of each webhook. True: there may be more at once.
pub async fn queue(pool: &Pool) -> Done<bool> {
    sqlx::query(BEGIN).execute(pool.inner()).await?;
    let losses = losses(pool).await?;
    let newest = losses.last().map_or(0, |loss| loss.sequence);
    let behind: Vec<Json<Behind>> = sqlx::query_scalar(BEHIND)
        .bind(MAX_WAITING)
        .bind(newest.cast_signed())
        .fetch_all(pool.inner())
        .await?;
    let mut more = false;
    for Json(it) in behind {
        if it.loss < newest && it.log == it.history_log {
            go_back(pool, &it, &losses, newest).await?;
            more = true;
            continue;
        }
        let is_other_log = it.log != it.history_log;
        let lost = it.sequence > it.history_sequence && it.created <= it.history_sequence;
        if is_other_log || lost {
            tracing::warn!(webhook = %it.webhook, "the log is another one, or has lost events: the webhook goes on from the history's end; a replay sends what is missing");
            set_on(pool, &it).await?;
            continue;
        }
        if it.sequence < it.history_sequence {
            more |= live(pool, &it).await?;
        }
        if let (Some(after), Some(until), Some(lane)) = (it.replay_after, it.replay_until, it.replay_lane) {
            more |= replay(pool, &it, after, until, lane).await?;
        }
    }
    Ok(more)
}

/// Events that were queued are lost: the webhook is told what happened instead of them. What waits of them is not sent.
async fn go_back(pool: &Pool, it: &Behind, losses: &[Loss], newest: u64) -> Done<()> {
    let lost = Loss::before(losses, it.sequence, Some(it.loss)).filter(|loss| it.created <= loss.kept);
    let to = lost.map_or(it.sequence, |loss| loss.kept);
    let mut transaction = pool.inner().begin().await?;
    let moved = sqlx::query(
        "UPDATE webhook_cursors SET sequence = $3, loss = $4, replay_after = NULL, replay_until = NULL, \
         replay_lane = NULL WHERE webhook = $1 AND sequence = $2 AND loss = $5",
    )
    .bind(it.webhook.uuid())
    .bind(it.sequence.cast_signed())
    .bind(to.cast_signed())
    .bind(newest.cast_signed())
    .bind(it.loss.cast_signed())
    .execute(&mut *transaction)
    .await?;
    if lost.is_some() && moved.rows_affected() > 0 {
        sqlx::query("DELETE FROM webhook_queue WHERE webhook = $1 AND sequence > $2")
            .bind(it.webhook.uuid())
            .bind(to.cast_signed())
            .execute(&mut *transaction)
            .await?;
        tracing::warn!(webhook = %it.webhook, after = to, "events were lost, which an operator has accepted: the webhook goes on after what was kept");
    }
    transaction.commit().await?;
    Ok(())
}

async fn set_on(pool: &Pool, it: &Behind) -> Done<()> {
    sqlx::query(
        "UPDATE webhook_cursors SET log = $2, sequence = $3, replay_after = NULL, replay_until = NULL, \
         replay_lane = NULL WHERE webhook = $1 AND sequence = $4",
    )
    .bind(it.webhook.uuid())
    .bind(it.history_log.uuid())
    .bind(it.history_sequence.cast_signed())
    .bind(it.sequence.cast_signed())
    .execute(pool.inner())
    .await?;
    Ok(())
}

async fn read(pool: &Pool, it: &Behind, after: u64) -> Done<Feed> {
    let about = it.owner.organization().map(|_| it.owner);
    let filter = EventFilter { kinds: kinds(&it.types), ..EventFilter::default() };
    feed(pool, &FeedQuery { about, filter, after, limit: BATCH }).await
}

async fn live(pool: &Pool, it: &Behind) -> Done<bool> {
    let found = read(pool, it, it.sequence).await?;
    if found.up_to <= it.sequence {
        return Ok(false);
    }
    let mut transaction = pool.inner().begin().await?;
    let moved = sqlx::query(
        "UPDATE webhook_cursors SET sequence = $3 WHERE webhook = $1 AND sequence = $2 AND log = $4",
    )
    .bind(it.webhook.uuid())
    .bind(it.sequence.cast_signed())
    .bind(found.up_to.cast_signed())
    .bind(it.log.uuid())
    .execute(&mut *transaction)
    .await?;
    // Another worker was faster: these are queued.
    if moved.rows_affected() == 0 {
        return Ok(true);
    }
    insert(&mut transaction, it, &found.rows, 0).await?;
    transaction.commit().await?;
    Ok(found.more)
}

async fn replay(pool: &Pool, it: &Behind, after: u64, until: u64, lane: i64) -> Done<bool> {
    let found = read(pool, it, after).await?;
    let up_to = found.up_to.min(until);
    // Held up by an event that waits: it goes on when that is taken in.
    if up_to <= after && after < until {
        return Ok(false);
    }
    let rows: Vec<EventRow> = found.rows.into_iter().filter(|row| row.sequence <= until).collect();
    let ended = up_to >= until;
    let mut transaction = pool.inner().begin().await?;
    let moved = sqlx::query(
        "UPDATE webhook_cursors SET replay_after = CASE WHEN $4 THEN NULL ELSE $3 END, \
         replay_until = CASE WHEN $4 THEN NULL ELSE replay_until END, \
         replay_lane = CASE WHEN $4 THEN NULL ELSE replay_lane END \
         WHERE webhook = $1 AND replay_after = $2 AND replay_lane = $5",
    )
    .bind(it.webhook.uuid())
    .bind(after.cast_signed())
    .bind(up_to.cast_signed())
    .bind(ended)
    .bind(lane)
    .execute(&mut *transaction)
    .await?;
    if moved.rows_affected() == 0 {
        return Ok(true);
    }
    insert(&mut transaction, it, &rows, lane).await?;
    transaction.commit().await?;
    Ok(!ended)
}

/// The cursor's row is locked by its move, as it is when a delivery ends: so that the first of an object is known to be.
async fn insert(connection: &mut PgConnection, it: &Behind, rows: &[EventRow], lane: i64) -> Done<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let objects = rows.iter().map(|row| format!("{}:{}", row.aggregate_type, row.aggregate_id));
    let ids: Vec<i64> = sqlx::query_scalar(
        "INSERT INTO webhook_queue (webhook, owner, message, sequence, kind, object, lane) \
         SELECT $1, $2, e.message, e.sequence, e.kind, e.object, $7 \
         FROM unnest($3::uuid[], $4::bigint[], $5::text[], $6::text[]) AS e (message, sequence, kind, object) \
         ORDER BY e.sequence ON CONFLICT DO NOTHING RETURNING id",
    )
    .bind(it.webhook.uuid())
    .bind(it.owner.to_string())
    .bind(rows.iter().map(|row| row.event.uuid()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.sequence.cast_signed()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.kind.clone()).collect::<Vec<_>>())
    .bind(objects.collect::<Vec<_>>())
    .bind(lane)
    .fetch_all(&mut *connection)
    .await?;
    heads(connection, &ids).await
}

/// Which of these rows are the first of their object.
pub(super) async fn heads(connection: &mut PgConnection, ids: &[i64]) -> Done<()> {
    sqlx::query(
        "UPDATE webhook_queue q SET head = true WHERE q.id = ANY($1) AND NOT EXISTS (SELECT FROM webhook_queue e \
         WHERE e.webhook = q.webhook AND e.lane = q.lane AND e.object = q.object AND e.dead_at IS NULL \
         AND e.id < q.id)",
    )
    .bind(ids)
    .execute(connection)
    .await?;
    Ok(())
}

/// A webhook's place begins at the event that registered it, before which no loss is any matter of its own.
pub(super) const BEGIN: &str = "INSERT INTO webhook_cursors (webhook, owner, log, sequence) \
     SELECT w.id, w.owner, c.log, w.created FROM webhooks w JOIN checkpoints c ON c.projection = 'webhooks' \
     WHERE w.state <> 'removed' AND w.url IS NOT NULL \
     AND NOT EXISTS (SELECT FROM webhook_cursors x WHERE x.webhook = w.id) ON CONFLICT DO NOTHING";

const BEHIND: &str = "SELECT jsonb_build_object('webhook', w.id, 'owner', w.owner, 'types', w.types, \
     'created', w.created, 'log', c.log, 'sequence', c.sequence, 'loss', c.loss, 'replay_after', c.replay_after, \
     'replay_until', c.replay_until, 'replay_lane', c.replay_lane, 'history_log', h.log, \
     'history_sequence', h.sequence) \
     FROM webhook_cursors c JOIN webhooks w ON w.id = c.webhook JOIN checkpoints h ON h.projection = 'history' \
     WHERE w.state = 'active' AND w.url IS NOT NULL AND c.stopped_at IS NULL \
     AND (c.sequence <> h.sequence OR c.log <> h.log OR c.replay_after IS NOT NULL OR c.loss < $2) \
     AND (SELECT count(*) FROM (SELECT FROM webhook_queue q WHERE q.webhook = c.webhook AND q.dead_at IS NULL \
          LIMIT $1) waiting) < $1";
