//! Events that a projection can't take in, and what follows of their aggregates. They wait in a table of their own,
//! so that a newer version, or a rebuild, can take them in; other aggregates go on.

use std::collections::HashSet;

use events::{AggregateType, EventId, Owner, Subject, Timestamp};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::Projection;
use crate::postgres::text::clean;
use crate::postgres::{Pool, ReadModelError};

/// At most this many are listed.
const LISTED: i64 = 200;

/// Characters of a kind or a reason that are kept, at most.
const KEPT: usize = 500;

/// A parked event.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ParkedEvent {
    pub sequence: u64,
    pub subject: Subject,
    /// `null`, here and below: it can't be read.
    pub event: Option<EventId>,
    pub kind: Option<String>,
    pub schema_version: Option<u32>,
    pub stored_at: Timestamp,
    pub reason: String,
    /// No version will take it in: no writer wrote it, or not for its place. What follows of its aggregate waits for good
    /// as well, without saying so.
    #[serde(default)]
    pub for_good: bool,
}

impl ParkedEvent {
    /// With texts that PostgreSQL takes, whatever stands in the event: what can't be parked would hold up all.
    pub(crate) fn storable(mut self) -> Self {
        for text in self.kind.iter_mut().chain([&mut self.reason]) {
            let kept = text.char_indices().nth(KEPT).map_or(text.len(), |(at, _)| at);
            text.truncate(kept);
            *text = clean(std::mem::take(text));
        }
        self
    }
}

/// How many wait in a projection, and the first of them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Parked {
    pub count: u64,
    pub first: Vec<ParkedEvent>,
}

pub async fn list(pool: &Pool, projection: Projection) -> Result<Parked, ReadModelError> {
    let first: Vec<Json<ParkedEvent>> = sqlx::query_scalar(
        "SELECT to_jsonb(p) FROM parked_events p WHERE projection = $1 ORDER BY sequence LIMIT $2",
    )
    .bind(projection.as_str())
    .bind(LISTED)
    .fetch_all(pool.inner())
    .await?;
    let first = first.into_iter().map(|Json(event)| event).collect();
    Ok(Parked { count: count(pool, projection).await?, first })
}

/// One that waits; `None`: it does not.
pub async fn get(
    pool: &Pool,
    projection: Projection,
    sequence: u64,
) -> Result<Option<ParkedEvent>, ReadModelError> {
    let sql = "SELECT to_jsonb(p) FROM parked_events p WHERE projection = $1 AND sequence = $2";
    let row: Option<Json<_>> = sqlx::query_scalar(sql)
        .bind(projection.as_str())
        .bind(sequence.cast_signed())
        .fetch_optional(pool.inner())
        .await?;
    Ok(row.map(|Json(event)| event))
}

pub async fn count(pool: &Pool, projection: Projection) -> Result<u64, ReadModelError> {
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM parked_events WHERE projection = $1")
        .bind(projection.as_str())
        .fetch_one(pool.inner())
        .await?;
    Ok(count.unsigned_abs())
}

/// At most this many are told to wait.
const TOLD: i64 = 100;

/// An owner's aggregates of one type that have a parked event: the first 100.
pub async fn waiting(
    pool: &Pool,
    projection: Projection,
    owner: Owner,
    aggregate_type: &AggregateType,
) -> Result<Vec<Subject>, ReadModelError> {
    let from = Subject::start(owner, aggregate_type);
    // The first text after all that begin so.
    let to = format!("{}/", from.trim_end_matches('.'));
    let subjects: Vec<String> = sqlx::query_scalar(WAITING)
        .bind(projection.as_str())
        .bind(from)
        .bind(to)
        .bind(TOLD)
        .fetch_all(pool.inner())
        .await?;
    Ok(subjects.iter().filter_map(|subject| subject.parse().ok()).collect())
}

pub(crate) const WAITING: &str = "SELECT DISTINCT subject FROM parked_events \
     WHERE projection = $1 AND subject >= $2 AND subject < $3 ORDER BY subject LIMIT $4";

/// Whether any event waits: mostly none does.
pub(crate) async fn any(connection: &mut PgConnection, projection: Projection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM parked_events WHERE projection = $1)")
        .bind(projection.as_str())
        .fetch_one(connection)
        .await
}

/// Which of these aggregates have a parked event.
pub(crate) async fn among(
    connection: &mut PgConnection,
    projection: Projection,
    subjects: &[String],
) -> Result<HashSet<String>, sqlx::Error> {
    let parked: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT subject FROM parked_events WHERE projection = $1 AND subject = ANY($2)",
    )
    .bind(projection.as_str())
    .bind(subjects)
    .fetch_all(connection)
    .await?;
    Ok(parked.into_iter().collect())
}

/// The aggregates that have a parked event, in the order of their first ones.
pub(crate) async fn subjects(
    pool: &Pool,
    projection: Projection,
    limit: i64,
) -> Result<Vec<String>, ReadModelError> {
    let sql = "SELECT subject FROM parked_events WHERE projection = $1 \
               GROUP BY subject ORDER BY min(sequence) LIMIT $2";
    Ok(sqlx::query_scalar(sql).bind(projection.as_str()).bind(limit).fetch_all(pool.inner()).await?)
}

/// Sequences of an aggregate's parked events, in the order of the log.
pub(crate) async fn sequences(
    pool: &Pool,
    projection: Projection,
    subject: &str,
    limit: i64,
) -> Result<Vec<u64>, ReadModelError> {
    let sql = "SELECT sequence FROM parked_events WHERE projection = $1 AND subject = $2 \
               ORDER BY sequence LIMIT $3";
    let sequences: Vec<i64> = sqlx::query_scalar(sql)
        .bind(projection.as_str())
        .bind(subject)
        .bind(limit)
        .fetch_all(pool.inner())
        .await?;
    Ok(sequences.into_iter().map(i64::cast_unsigned).collect())
}

/// Sequences of parked events after one place, up to another: the first ones, at most so many.
pub async fn between(
    pool: &Pool,
    projection: Projection,
    after: u64,
    up_to: u64,
    limit: u32,
) -> Result<Vec<u64>, ReadModelError> {
    let sql = "SELECT sequence FROM parked_events WHERE projection = $1 AND sequence > $2 AND sequence <= $3 \
               ORDER BY sequence LIMIT $4";
    let sequences: Vec<i64> = sqlx::query_scalar(sql)
        .bind(projection.as_str())
        .bind(after.cast_signed())
        .bind(up_to.cast_signed())
        .bind(i64::from(limit))
        .fetch_all(pool.inner())
        .await?;
    Ok(sequences.into_iter().map(i64::cast_unsigned).collect())
}

/// These events of an aggregate wait no longer. How many of its events still do.
pub(crate) async fn remove(
    connection: &mut PgConnection,
    projection: Projection,
    subject: &str,
    sequences: &[i64],
) -> Result<u64, sqlx::Error> {
    sqlx::query("DELETE FROM parked_events WHERE projection = $1 AND subject = $2 AND sequence = ANY($3)")
        .bind(projection.as_str())
        .bind(subject)
        .bind(sequences)
        .execute(&mut *connection)
        .await?;
    let sql = "SELECT count(*) FROM parked_events WHERE projection = $1 AND subject = $2";
    let left: i64 =
        sqlx::query_scalar(sql).bind(projection.as_str()).bind(subject).fetch_one(connection).await?;
    Ok(left.unsigned_abs())
}

pub(crate) async fn store(
    connection: &mut PgConnection,
    projection: Projection,
    events: &[ParkedEvent],
) -> Result<(), sqlx::Error> {
    if events.is_empty() {
        return Ok(());
    }
    let sql = "INSERT INTO parked_events \
               (projection, sequence, subject, event, kind, schema_version, stored_at, reason, for_good) \
               SELECT $2, sequence, subject, event, kind, schema_version, stored_at, reason, for_good \
               FROM jsonb_populate_recordset(NULL::parked_events, $1) \
               ON CONFLICT (projection, sequence) DO NOTHING";
    sqlx::query(sql).bind(Json(events)).bind(projection.as_str()).execute(connection).await?;
    Ok(())
}
