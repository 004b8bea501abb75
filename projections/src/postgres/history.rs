//! The history: one row an event, for audit. What people wrote stands apart from the rest, so that forgetting
//! erases it and nothing else.

use std::collections::{HashMap, HashSet};

use events::deep::Deep;
use events::sealed::Field;
use events::{Actor, AggregateId, AggregateType, CommandId, EventId, Owner, Recorded, Subject, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

mod feed;
mod filter;
mod losses;
mod told;

pub(super) use feed::{
    ABOUT as FEED_ABOUT, ALL as FEED_ALL, WINDOW_ABOUT as FEED_WINDOW_ABOUT, WINDOW_ALL as FEED_WINDOW_ALL,
};
pub use feed::{Feed, FeedQuery, feed};
pub use filter::EventFilter;
use filter::{passes, with_filter};
pub use losses::{Loss, losses};
pub(super) use told::BEFORE;
pub use told::{Told, told};

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
    /// The event of the same object before it; `null`: it is the first.
    pub previous: Option<EventId>,
    pub actor: Actor,
    pub command: CommandId,
    pub causation: Option<EventId>,
    /// What is never sealed, without digests.
    pub data: Map<String, Value>,
    /// What people wrote, by field; `null`: forgotten.
    pub texts: Map<String, Value>,
}

/// Which events, and in which order.
#[derive(Clone, Debug, Default)]
pub struct EventQuery {
    /// Of an organization: its own events, and those of what it owns. `None`: of the whole installation.
    pub about: Option<Owner>,
    pub filter: EventFilter,
    pub order: Order,
}

/// What a statement looks through at most for what a filter lets through, in rows: a page may have few items, or none,
/// and others follow all the same.
const WINDOW: i64 = 5_000;

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
    // A webhook's URL may hold a token: it is for those who look after webhooks, and not for all who read events.
    let told = texts.iter().filter(|(field, _)| **field != Field::Url);
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
        previous: envelope.previous,
        actor: envelope.actor.clone(),
        command: envelope.command,
        causation: envelope.causation,
        data,
        texts: told.map(|(field, value)| (field.as_str().to_owned(), value.clone())).collect(),
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
    let EventQuery { about, filter, order } = events;
    let about = about.map(|owner| owner.to_string());
    let since = filter.since.unwrap_or(Timestamp::UNIX_EPOCH).unix_millis();
    let until = filter.until.map_or(FAR, Timestamp::unix_millis);
    let after = query.after(List::Events)?;
    // Each order moves one end of the range to the cursor.
    let (mut from, mut to) = match order {
        Order::OldestFirst => (after.unwrap_or((since, 0)), (until, 0)),
        Order::NewestFirst => ((since, 0), after.unwrap_or((until, 0))),
    };
    let [plain, filtered, window_of] = match (&about, order) {
        (Some(_), Order::OldestFirst) => [ABOUT_OLDEST, FILTERED_ABOUT_OLDEST, WINDOW_ABOUT_OLDEST],
        (Some(_), Order::NewestFirst) => [ABOUT_NEWEST, FILTERED_ABOUT_NEWEST, WINDOW_ABOUT_NEWEST],
        (None, Order::OldestFirst) => [ALL_OLDEST, FILTERED_ALL_OLDEST, WINDOW_ALL_OLDEST],
        (None, Order::NewestFirst) => [ALL_NEWEST, FILTERED_ALL_NEWEST, WINDOW_ALL_NEWEST],
    };
    let is_plain = filter.is_by_time_alone();
    let mut window: Option<(i64, i64)> = None;
    if !is_plain {
        let mut statement =
            sqlx::query_as(window_of).bind(from.0).bind(from.1).bind(to.0).bind(to.1).bind(WINDOW);
        if let Some(about) = &about {
            statement = statement.bind(about);
        }
        window = statement.fetch_optional(pool.inner()).await?;
    }
    match (window, order) {
        (Some((time, sequence)), Order::OldestFirst) => to = (time, sequence + 1),
        (Some((time, sequence)), Order::NewestFirst) => from = (time, sequence - 1),
        (None, _) => {}
    }
    let statement = sqlx::query_scalar(if is_plain { plain } else { filtered });
    let mut statement = statement.bind(from.0).bind(from.1).bind(to.0).bind(to.1).bind(query.fetch());
    if about.is_some() || !is_plain {
        statement = statement.bind(&about);
    }
    if !is_plain {
        statement = with_filter!(statement, filter);
    }
    let rows: Vec<Json<Deep<EventRow>>> = statement.fetch_all(pool.inner()).await?;
    let rows = rows.into_iter().map(|Json(Deep(row))| row).collect();
    let page = Page::of(rows, query, List::Events, |row: &EventRow| {
        (row.stored_at.unix_millis(), row.sequence.cast_signed())
    });
    Ok(page.or_after(List::Events, window))
}

/// The sequence of the newest event; 0: there is none.
pub(crate) async fn last(pool: &Pool) -> Result<u64, ReadModelError> {
    let last: Option<i64> = sqlx::query_scalar(LAST).fetch_one(pool.inner()).await?;
    Ok(last.unwrap_or_default().cast_unsigned())
}

/// The first event from this sequence on.
pub(crate) async fn from(pool: &Pool, sequence: u64) -> Result<Option<(u64, EventId)>, ReadModelError> {
    let found: Option<(i64, Uuid)> =
        sqlx::query_as(FROM).bind(sequence.cast_signed()).fetch_optional(pool.inner()).await?;
    Ok(found.map(|(sequence, event)| (sequence.cast_unsigned(), EventId::new(event))))
}

/// Events after this sequence, in the log's order.
pub(crate) async fn after(pool: &Pool, sequence: u64, most: i64) -> Result<Vec<EventRow>, ReadModelError> {
    let rows: Vec<Json<Deep<EventRow>>> =
        sqlx::query_scalar(AFTER).bind(sequence.cast_signed()).bind(most).fetch_all(pool.inner()).await?;
    Ok(rows.into_iter().map(|Json(Deep(row))| row).collect())
}

const LAST: &str = "SELECT max(sequence) FROM history";
const FROM: &str = "SELECT sequence, event FROM history WHERE sequence >= $1 ORDER BY sequence LIMIT 1";
const AFTER: &str = "SELECT to_jsonb(h) FROM history h WHERE sequence > $1 ORDER BY sequence LIMIT $2";

/// 9999-12-31T00:00:00Z.
const FAR: i64 = 253_402_214_400_000;

pub(super) const OF_AGGREGATE_OLDEST: &str = "SELECT to_jsonb(h) FROM history h WHERE owner = $1 \
     AND aggregate_type = $2 AND aggregate_id = $3 AND sequence > $4 ORDER BY sequence LIMIT $5";
pub(super) const OF_AGGREGATE_NEWEST: &str = "SELECT to_jsonb(h) FROM history h WHERE owner = $1 \
     AND aggregate_type = $2 AND aggregate_id = $3 AND sequence < $4 ORDER BY sequence DESC LIMIT $5";

/// What an event is about: an organization's own events lie under the installation.
macro_rules! about {
    () => {
        "(CASE aggregate_type WHEN 'organization' THEN aggregate_id ELSE owner END)"
    };
}
use about;

/// A range of (stored_at, sequence), both ends open.
macro_rules! range {
    () => {
        "(stored_at, sequence) > (to_timestamp($1 / 1000.0), $2) \
         AND (stored_at, sequence) < (to_timestamp($3 / 1000.0), $4)"
    };
}
macro_rules! by_time {
    ($condition:expr, $direction:literal) => {
        concat!(
            "SELECT to_jsonb(h) FROM history h WHERE ",
            range!(),
            $condition,
            " ORDER BY stored_at ",
            $direction,
            ", sequence ",
            $direction,
            " LIMIT $5"
        )
    };
}
/// The last row that is looked at.
macro_rules! window {
    ($condition:expr, $direction:literal) => {
        concat!(
            "SELECT floor(extract(epoch FROM stored_at) * 1000)::bigint, sequence FROM history WHERE ",
            range!(),
            $condition,
            " ORDER BY stored_at ",
            $direction,
            ", sequence ",
            $direction,
            " OFFSET $5 LIMIT 1"
        )
    };
}
macro_rules! is_about {
    () => {
        concat!(" AND ", about!(), " = $6")
    };
}
macro_rules! filtered {
    () => {
        concat!(" AND ", passes!("7", "8", "9", "10", "11", "12"))
    };
}

pub(super) const ABOUT_OLDEST: &str = by_time!(is_about!(), "ASC");
pub(super) const ABOUT_NEWEST: &str = by_time!(is_about!(), "DESC");
pub(super) const ALL_OLDEST: &str = by_time!("", "ASC");
pub(super) const ALL_NEWEST: &str = by_time!("", "DESC");
// These look through no more than a window.
const FILTERED_ABOUT_OLDEST: &str = by_time!(concat!(is_about!(), filtered!()), "ASC");
const FILTERED_ABOUT_NEWEST: &str = by_time!(concat!(is_about!(), filtered!()), "DESC");
const FILTERED_ALL_OLDEST: &str = by_time!(concat!(" AND $6::text IS NULL", filtered!()), "ASC");
const FILTERED_ALL_NEWEST: &str = by_time!(concat!(" AND $6::text IS NULL", filtered!()), "DESC");
pub(super) const WINDOW_ABOUT_OLDEST: &str = window!(is_about!(), "ASC");
pub(super) const WINDOW_ABOUT_NEWEST: &str = window!(is_about!(), "DESC");
pub(super) const WINDOW_ALL_OLDEST: &str = window!("", "ASC");
pub(super) const WINDOW_ALL_NEWEST: &str = window!("", "DESC");

/// The newest event of each of these aggregates; one that is not among them has none.
pub(crate) async fn newest<'a>(
    connection: &mut PgConnection,
    subjects: impl Iterator<Item = &'a Subject>,
) -> Result<HashMap<Subject, EventId>, sqlx::Error> {
    let subjects: Vec<&Subject> = subjects.collect::<HashSet<_>>().into_iter().collect();
    let found: Vec<(i64, Uuid)> = sqlx::query_as(NEWEST)
        .bind(column(&subjects, |subject| subject.owner.to_string()))
        .bind(column(&subjects, |subject| subject.aggregate_type.to_string()))
        .bind(column(&subjects, |subject| subject.aggregate_id.as_str()))
        .fetch_all(connection)
        .await?;
    let named = |(place, event): (i64, Uuid)| {
        let subject = subjects.get(usize::try_from(place - 1).ok()?)?;
        Some((Subject::clone(subject), EventId::new(event)))
    };
    Ok(found.into_iter().filter_map(named).collect())
}

const NEWEST: &str = "SELECT place, event FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY \
         AS about (owner, aggregate_type, aggregate_id, place) \
     CROSS JOIN LATERAL (SELECT event FROM history h WHERE h.owner = about.owner \
         AND h.aggregate_type = about.aggregate_type AND h.aggregate_id = about.aggregate_id \
         ORDER BY h.sequence DESC LIMIT 1) newest";

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
        .bind(column(rows, |row| row.previous.map(EventId::uuid)))
        .execute(connection)
        .await?;
    Ok(())
}

const STORE: &str = "INSERT INTO history (sequence, event, kind, schema_version, time, stored_at, owner, \
         aggregate_type, aggregate_id, actor, command, causation, data, texts, previous) \
     SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::bigint[], $5::timestamptz[], \
         $6::timestamptz[], $7::text[], $8::text[], $9::text[], $10::text[], $11::uuid[], $12::uuid[], \
         $13::jsonb[], $14::jsonb[], $15::uuid[]) \
     ON CONFLICT (sequence) DO NOTHING";
