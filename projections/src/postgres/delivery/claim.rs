//! Deliveries are taken up, and end.

use std::time::Duration;

use events::deep::Deep;
use sqlx::types::Json;
use uuid::Uuid;

use super::{Attempt, Delivery, Done, Then, seconds};
use crate::postgres::Pool;

/// How many are taken up.
#[derive(Clone, Copy, Debug)]
pub struct Claims {
    /// In this call.
    pub room: u32,
    /// Of one webhook at a time, by all workers together. One whose last attempt failed is tried by one.
    pub each: u32,
    /// How long a claim holds: longer than any attempt.
    pub hold: Duration,
}

/// Takes up what is due: of each webhook no more than its share, those first that were served longest ago.
pub async fn claim(pool: &Pool, claim: Uuid, claims: Claims) -> Done<Vec<Delivery>> {
    if claims.room == 0 {
        return Ok(Vec::new());
    }
    let mut transaction = pool.inner().begin().await?;
    // One at a time, so that no two workers together take more than a webhook's share.
    sqlx::query("SELECT pg_advisory_xact_lock(hashtext('keyledger webhooks'))")
        .execute(&mut *transaction)
        .await?;
    let claimed: Vec<Json<Deep<Delivery>>> = sqlx::query_scalar(CLAIM)
        .bind(i64::from(claims.room))
        .bind(i64::from(claims.each))
        .bind(seconds(claims.hold))
        .bind(claim)
        .fetch_all(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(claimed.into_iter().map(|Json(Deep(delivery))| delivery).collect())
}

const CLAIM: &str = "WITH due AS MATERIALIZED ( \
         SELECT q.id FROM webhook_cursors c JOIN webhooks w ON w.id = c.webhook \
         CROSS JOIN LATERAL (SELECT q.id, q.next_at FROM webhook_queue q WHERE q.webhook = c.webhook AND q.head \
             AND q.dead_at IS NULL AND q.next_at <= now() ORDER BY q.next_at, q.id \
             LIMIT greatest(0, (CASE WHEN c.failing THEN 1 ELSE $2 END) - (SELECT count(*) FROM webhook_queue f \
                 WHERE f.webhook = c.webhook AND f.claim IS NOT NULL AND f.claimed_until > now()))) q \
         WHERE w.state = 'active' AND w.url IS NOT NULL AND c.stopped_at IS NULL \
         ORDER BY c.served_at NULLS FIRST, q.next_at LIMIT $1 \
     ), taken AS ( \
         UPDATE webhook_queue q SET claim = $4, claimed_until = now() + $3 * interval '1 second', \
             next_at = now() + $3 * interval '1 second' FROM due WHERE q.id = due.id RETURNING q.* \
     ), served AS ( \
         UPDATE webhook_cursors SET served_at = now() WHERE webhook IN (SELECT webhook FROM taken) \
     ) \
     SELECT to_jsonb(t) || jsonb_build_object('url', w.url, 'changed', w.changed, 'secret', w.secret, \
         'previous', CASE WHEN w.previous_until > now() THEN w.previous END, 'event', to_jsonb(h), \
         'log', c.log) \
     FROM taken t JOIN webhooks w ON w.id = t.webhook JOIN webhook_cursors c ON c.webhook = t.webhook \
     LEFT JOIN history h ON h.sequence = t.sequence ORDER BY t.id";

/// Ends an attempt: the delivery is done, waits, or is given up, and the log tells of it. One that another worker has taken
/// up meanwhile is left to it.
pub async fn finish(pool: &Pool, delivery: &Delivery, attempt: &Attempt) -> Done<()> {
    let mut transaction = pool.inner().begin().await?;
    let (webhook, id) = (delivery.webhook.uuid(), delivery.id);
    // As when events are queued: one at a time for a webhook. One that is forgotten has no log to tell in any more.
    let known = sqlx::query("SELECT FROM webhook_cursors WHERE webhook = $1 FOR UPDATE")
        .bind(webhook)
        .execute(&mut *transaction)
        .await?;
    if known.rows_affected() == 0 {
        return Ok(());
    }
    let ended = match attempt.then {
        Then::Delivered => sqlx::query("DELETE FROM webhook_queue WHERE id = $1 AND claim = $2"),
        Then::Retry(_) => sqlx::query(
            "UPDATE webhook_queue SET attempts = attempts + 1, claim = NULL, claimed_until = NULL, last_error = $3, \
             next_at = now() + $4 * interval '1 second' WHERE id = $1 AND claim = $2",
        ),
        Then::Dead => sqlx::query(
            "UPDATE webhook_queue SET attempts = attempts + 1, claim = NULL, claimed_until = NULL, last_error = $3, \
             head = false, dead_at = now() WHERE id = $1 AND claim = $2",
        ),
        Then::Stop => sqlx::query(
            "UPDATE webhook_queue SET claim = NULL, claimed_until = NULL, last_error = $3, next_at = now() \
             WHERE id = $1 AND claim = $2",
        ),
    };
    let mut ended = ended.bind(id).bind(delivery.claim);
    match attempt.then {
        Then::Delivered => {}
        Then::Retry(after) => ended = ended.bind(attempt.error).bind(seconds(after)),
        Then::Dead | Then::Stop => ended = ended.bind(attempt.error),
    }
    let mine = ended.execute(&mut *transaction).await?.rows_affected() == 1;
    if mine && matches!(attempt.then, Then::Delivered | Then::Dead) {
        sqlx::query(
            "UPDATE webhook_queue SET head = true WHERE id = (SELECT id FROM webhook_queue WHERE webhook = $1 \
             AND lane = $2 AND object = $3 AND dead_at IS NULL ORDER BY id LIMIT 1)",
        )
        .bind(webhook)
        .bind(delivery.lane)
        .bind(&delivery.object)
        .execute(&mut *transaction)
        .await?;
    }
    if mine {
        sqlx::query(
            "UPDATE webhook_cursors SET failing = $2, stopped_at = CASE WHEN $3 THEN now() ELSE stopped_at END \
             WHERE webhook = $1",
        )
        .bind(webhook)
        .bind(attempt.then != Then::Delivered)
        .bind(attempt.then == Then::Stop)
        .execute(&mut *transaction)
        .await?;
    }
    sqlx::query(
        "INSERT INTO webhook_attempts (webhook, owner, message, sequence, kind, lane, attempt, status, millis, \
         outcome, error) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(webhook)
    .bind(delivery.owner.to_string())
    .bind(delivery.message)
    .bind(delivery.sequence.map(u64::cast_signed))
    .bind(&delivery.kind)
    .bind(delivery.lane)
    .bind(delivery.attempts.saturating_add(1).cast_signed())
    .bind(attempt.status.map(i32::from))
    .bind(i64::try_from(attempt.took.as_millis()).unwrap_or(i64::MAX))
    .bind(attempt.then.as_str())
    .bind(attempt.error)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(())
}
