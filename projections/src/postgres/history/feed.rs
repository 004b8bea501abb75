//! The history in the log's order, after a place: nothing is passed over, whatever is shown. A reader that goes on
//! from the place that it was told has seen every event before it that it asked for.

use events::deep::Deep;
use events::{Owner, Subject, Timestamp};
use sqlx::types::Json;

use super::filter::{passes, with_filter};
use super::{EventFilter, EventRow, WINDOW, about};
use crate::Projection;
use crate::checkpoint;
use crate::parked::ParkedEvent;
use crate::postgres::{Pool, ReadModelError};

/// Which events, after which place, and how many.
#[derive(Clone, Debug)]
pub struct FeedQuery {
    /// `None`: of the whole installation.
    pub about: Option<Owner>,
    pub filter: EventFilter,
    /// The sequence after which it begins.
    pub after: u64,
    pub limit: u32,
}

/// A part of the feed.
#[derive(Clone, Debug)]
pub struct Feed {
    pub rows: Vec<EventRow>,
    /// Everything up to this sequence is shown, or is none of what was asked for.
    pub up_to: u64,
    /// There may be more at once.
    pub more: bool,
    /// How far the history itself has come.
    pub applied: u64,
    /// An event is there that the history can't take in yet, and what comes after it waits, so that nobody misses it.
    pub held_up: bool,
    /// What was passed, for no version will ever take it in, by its place.
    pub passed: Vec<ParkedEvent>,
}

pub async fn feed(pool: &Pool, query: &FeedQuery) -> Result<Feed, ReadModelError> {
    // In this order: what is parked up to the checkpoint is seen to be, or is among the rows.
    let applied = checkpoint::read(pool, Projection::History).await?.map_or(0, |at| at.sequence);
    let about = query.about.map(|owner| owner.to_string());
    let parked: Option<i64> =
        sqlx::query_scalar(PARKED).bind(&about).bind(Subject::unknown_type()).fetch_one(pool.inner()).await?;
    let end = parked.map_or(applied, |parked| applied.min(parked.cast_unsigned().saturating_sub(1)));
    let mut page = Feed {
        rows: Vec::new(),
        up_to: query.after.max(end),
        more: false,
        applied,
        held_up: parked.is_some(),
        passed: Vec::new(),
    };
    if end <= query.after {
        page.up_to = query.after;
        return Ok(page);
    }
    let after = query.after.cast_signed();
    let mut window = sqlx::query_scalar(if about.is_some() { WINDOW_ABOUT } else { WINDOW_ALL })
        .bind(after)
        .bind(end.cast_signed())
        .bind(WINDOW);
    if let Some(about) = &about {
        window = window.bind(about);
    }
    let window: Option<i64> = window.fetch_optional(pool.inner()).await?;
    let mut to = window.map_or(end, i64::cast_unsigned);
    let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let passed: Vec<Json<ParkedEvent>> = sqlx::query_scalar(PASSED)
        .bind(&about)
        .bind(after)
        .bind(to.cast_signed())
        .bind(i64::from(query.limit) + 1)
        .fetch_all(pool.inner())
        .await?;
    page.passed = passed.into_iter().map(|Json(event)| event).collect();
    let many = page.passed.len() > limit;
    page.passed.truncate(limit);
    if let Some(last) = page.passed.last().filter(|_| many) {
        to = last.sequence;
    }
    let sql = match (&about, query.filter.is_empty()) {
        (Some(_), true) => ABOUT,
        (None, true) => ALL,
        (Some(_), false) => FILTERED_ABOUT,
        (None, false) => FILTERED_ALL,
    };
    let mut statement =
        sqlx::query_scalar(sql).bind(after).bind(to.cast_signed()).bind(i64::from(query.limit) + 1);
    if about.is_some() || !query.filter.is_empty() {
        statement = statement.bind(&about);
    }
    if !query.filter.is_empty() {
        statement = with_filter!(statement, query.filter);
    }
    let rows: Vec<Json<Deep<EventRow>>> = statement.fetch_all(pool.inner()).await?;
    page.rows = rows.into_iter().map(|Json(Deep(row))| row).collect();
    let full = page.rows.len() > limit;
    page.rows.truncate(limit);
    page.up_to = match page.rows.last().filter(|_| full) {
        Some(last) => last.sequence,
        None => to,
    };
    let up_to = page.up_to;
    page.passed.retain(|event| event.sequence <= up_to);
    page.more = full || many || window.is_some();
    Ok(page)
}

/// Whose a parked event is: an organization's, or anybody's.
macro_rules! parked_about {
    () => {
        "($1::text IS NULL OR split_part(subject, '.', 4) = $1 \
         OR (split_part(subject, '.', 5) = 'organization' AND split_part(subject, '.', 6) = $1))"
    };
}
/// Whether it waits for good, by itself or behind another event of its aggregate.
macro_rules! for_good {
    () => {
        "EXISTS (SELECT FROM parked_events g WHERE g.projection = 'history' AND g.subject = p.subject AND g.for_good \
         AND g.sequence <= p.sequence)"
    };
}
/// What only waits, for anybody: of an unknown type it may be about whoever asks, and of the installation it may
/// publish a key, by which what seems to be nobody's is a writer's.
const PARKED: &str = concat!(
    "SELECT min(sequence) FROM parked_events p WHERE projection = 'history' AND NOT ",
    for_good!(),
    " AND (split_part(subject, '.', 5) IN ($2, 'installation') OR ",
    parked_about!(),
    ")"
);
const PASSED: &str = concat!(
    "SELECT to_jsonb(p) FROM parked_events p WHERE projection = 'history' AND ",
    for_good!(),
    " AND ",
    parked_about!(),
    " AND sequence > $2 AND sequence <= $3 ORDER BY sequence LIMIT $4"
);

macro_rules! by_sequence {
    ($condition:expr) => {
        concat!(
            "SELECT to_jsonb(h) FROM history h WHERE sequence > $1 AND sequence <= $2",
            $condition,
            " ORDER BY sequence LIMIT $3"
        )
    };
}
macro_rules! window {
    ($condition:expr) => {
        concat!(
            "SELECT sequence FROM history WHERE sequence > $1 AND sequence <= $2",
            $condition,
            " ORDER BY sequence OFFSET $3 LIMIT 1"
        )
    };
}
macro_rules! filtered {
    () => {
        concat!(" AND ", passes!("5", "6", "7", "8", "9", "10"))
    };
}

pub(in crate::postgres) const ABOUT: &str = by_sequence!(concat!(" AND ", about!(), " = $4"));
pub(in crate::postgres) const ALL: &str = by_sequence!("");
// These look through no more than a window.
const FILTERED_ABOUT: &str = by_sequence!(concat!(" AND ", about!(), " = $4", filtered!()));
const FILTERED_ALL: &str = by_sequence!(concat!(" AND $4::text IS NULL", filtered!()));
pub(in crate::postgres) const WINDOW_ABOUT: &str = window!(concat!(" AND ", about!(), " = $4"));
pub(in crate::postgres) const WINDOW_ALL: &str = window!("");
