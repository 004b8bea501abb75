//! The history: one row an event, for audit. What people wrote stands apart from the rest, so that forgetting
//! erases it and nothing else.

use events::deep::Deep;
use events::{Actor, AggregateId, AggregateType, CommandId, EventId, Owner, Recorded, Subject, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::page::List;
use super::text::Texts;
use super::{Page, PageQuery, Pool, ReadModelError, column};

/// An event as the history tells it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EventRow {
    /// Its place in the log.
    pub sequence: u64,
    pub event: EventId,
    /// Such as `key.issued`.
    pub kind: String,
    pub schema_version: u32,
    /// When it happened, by the clock of whoever wrote it.
    pub time: Timestamp,
    /// When the log stored it, by the log's clock.
    pub stored_at: Timestamp,
    pub owner: Owner,
    pub aggregate_type: AggregateType,
    pub aggregate_id: AggregateId,
    pub actor: Actor,
    pub command: CommandId,
    pub causation: Option<EventId>,
    /// What is never sealed, without digests.
    pub data: Map<String, Value>,
    /// What people wrote, by field; `null`: forgotten.
    pub texts: Map<String, Value>,
}

/// Which events, and in which order.
#[derive(Clone, Copy, Debug, Default)]
pub struct EventQuery {
    /// `None`: of the whole installation.
    pub owner: Option<Owner>,
    /// Stored at this moment or later, by the log's clock.
    pub since: Option<Timestamp>,
    /// Stored before this moment.
    pub until: Option<Timestamp>,
    pub order: Order,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    #[default]
    NewestFirst,
    OldestFirst,
}

/// The row of an event.
pub fn row(recorded: &Recorded, texts: &Texts) -> Result<EventRow, serde_json::Error> {
    let envelope = &recorded.envelope;
    let mut data: Map<String, Value> = serde_json::from_str(recorded.event.data()?.get())?;
    data.remove("digest");
    for field in texts.keys() {
        data.remove(field.as_str());
    }
    Ok(EventRow {
        sequence: recorded.position.sequence,
        event: envelope.id,
        kind: envelope.kind.to_string(),
        schema_version: envelope.schema_version,
        time: envelope.time,
        stored_at: recorded.stored_at,
        owner: envelope.subject.owner,
        aggregate_type: envelope.subject.aggregate_type.clone(),
        aggregate_id: envelope.subject.aggregate_id.clone(),
        actor: envelope.actor.clone(),
        command: envelope.command,
        causation: envelope.causation,
        data,
        texts: texts.iter().map(|(field, value)| (field.as_str().to_owned(), value.clone())).collect(),
    })
}

/// The events of one aggregate.
pub async fn of_aggregate(
    pool: &Pool,
    subject: &Subject,
    order: Order,
    query: &PageQuery,
) -> Result<Page<EventRow>, ReadModelError> {
    let (sql, start) = match order {
        Order::OldestFirst => (OF_AGGREGATE_OLDEST, 0),
        Order::NewestFirst => (OF_AGGREGATE_NEWEST, i64::MAX),
    };
    let (_, after) = query.after(List::Aggregate)?.unwrap_or((0, start));
    let rows: Vec<Json<Deep<EventRow>>> = sqlx::query_scalar(sql)
        .bind(subject.owner.to_string())
        .bind(subject.aggregate_type.to_string())
        .bind(subject.aggregate_id.to_string())
        .bind(after)
        .bind(query.fetch())
        .fetch_all(pool.inner())
        .await?;
    let rows = rows.into_iter().map(|Json(Deep(row))| row).collect();
    Ok(Page::of(rows, query, List::Aggregate, |row: &EventRow| (0, row.sequence.cast_signed())))
}

/// Events by time.
pub async fn list(
    pool: &Pool,
    events: &EventQuery,
    query: &PageQuery,
) -> Result<Page<EventRow>, ReadModelError> {
    let since = events.since.unwrap_or(Timestamp::UNIX_EPOCH).unix_millis();
    let until = events.until.map_or(FAR, Timestamp::unix_millis);
    let after = query.after(List::Events)?;
    // Each order moves one end of the range to the cursor.
    let (from, to) = match events.order {
        Order::OldestFirst => (after.unwrap_or((since, 0)), (until, 0)),
        Order::NewestFirst => ((since, 0), after.unwrap_or((until, 0))),
    };
    let sql = match (events.owner, events.order) {
        (Some(_), Order::OldestFirst) => OF_OWNER_OLDEST,
        (Some(_), Order::NewestFirst) => OF_OWNER_NEWEST,
        (None, Order::OldestFirst) => ALL_OLDEST,
        (None, Order::NewestFirst) => ALL_NEWEST,
    };
    let mut statement =
        sqlx::query_scalar(sql).bind(from.0).bind(from.1).bind(to.0).bind(to.1).bind(query.fetch());
    if let Some(owner) = events.owner {
        statement = statement.bind(owner.to_string());
    }
    let rows: Vec<Json<Deep<EventRow>>> = statement.fetch_all(pool.inner()).await?;
    let rows = rows.into_iter().map(|Json(Deep(row))| row).collect();
    Ok(Page::of(rows, query, List::Events, |row: &EventRow| {
        (row.stored_at.unix_millis(), row.sequence.cast_signed())
    }))
}

/// 9999-12-31T00:00:00Z.
const FAR: i64 = 253_402_214_400_000;

pub(super) const OF_AGGREGATE_OLDEST: &str = "SELECT to_jsonb(h) FROM history h WHERE owner = $1 \
     AND aggregate_type = $2 AND aggregate_id = $3 AND sequence > $4 ORDER BY sequence LIMIT $5";
pub(super) const OF_AGGREGATE_NEWEST: &str = "SELECT to_jsonb(h) FROM history h WHERE owner = $1 \
     AND aggregate_type = $2 AND aggregate_id = $3 AND sequence < $4 ORDER BY sequence DESC LIMIT $5";

/// A range of (stored_at, sequence), both ends open.
macro_rules! by_time {
    ($owner:literal, $direction:literal) => {
        concat!(
            "SELECT to_jsonb(h) FROM history h WHERE ",
            $owner,
            "(stored_at, sequence) > (to_timestamp($1 / 1000.0), $2) \
             AND (stored_at, sequence) < (to_timestamp($3 / 1000.0), $4) ORDER BY stored_at ",
            $direction,
            ", sequence ",
            $direction,
            " LIMIT $5"
        )
    };
}

pub(super) const OF_OWNER_OLDEST: &str = by_time!("owner = $6 AND ", "ASC");
pub(super) const OF_OWNER_NEWEST: &str = by_time!("owner = $6 AND ", "DESC");
pub(super) const ALL_OLDEST: &str = by_time!("", "ASC");
pub(super) const ALL_NEWEST: &str = by_time!("", "DESC");

/// One array a column, as for keys.
pub(crate) async fn store(connection: &mut PgConnection, rows: &[&EventRow]) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(STORE)
        .bind(column(rows, |row| row.sequence.cast_signed()))
        .bind(column(rows, |row| row.event.uuid()))
        .bind(column(rows, |row| row.kind.as_str()))
        .bind(column(rows, |row| i64::from(row.schema_version)))
        .bind(column(rows, |row| row.time.date_time()))
        .bind(column(rows, |row| row.stored_at.date_time()))
        .bind(column(rows, |row| row.owner.to_string()))
        .bind(column(rows, |row| row.aggregate_type.to_string()))
        .bind(column(rows, |row| row.aggregate_id.as_str()))
        .bind(column(rows, |row| row.actor.to_string()))
        .bind(column(rows, |row| row.command.uuid()))
        .bind(column(rows, |row| row.causation.map(EventId::uuid)))
        .bind(column(rows, |row| Json(&row.data)))
        .bind(column(rows, |row| Json(&row.texts)))
        .execute(connection)
        .await?;
    Ok(())
}

const STORE: &str = "INSERT INTO history (sequence, event, kind, schema_version, time, stored_at, owner, \
         aggregate_type, aggregate_id, actor, command, causation, data, texts) \
     SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::bigint[], $5::timestamptz[], \
         $6::timestamptz[], $7::text[], $8::text[], $9::text[], $10::text[], $11::uuid[], $12::uuid[], \
         $13::jsonb[], $14::jsonb[]) \
     ON CONFLICT (sequence) DO NOTHING";
