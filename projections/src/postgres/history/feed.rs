//! The history in the log's order, after a place: nothing is passed over, whatever is shown. A reader that goes on
//! from the place that it was told has seen every event before it that it asked for.

use events::deep::Deep;
use events::{Owner, Subject, Timestamp};
use sqlx::types::Json;

use super::filter::{passes, with_filter};
use super::{EventFilter, EventRow, WINDOW, about};
use crate::Projection;
use crate::checkpoint;
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
    let to = window.map_or(end, i64::cast_unsigned);
    let sql = match (&about, query.filter.is_empty()) {
        (Some(_), true) => ABOUT,
        (None, true) => ALL,
        (Some(_), false) => FILTERED_ABOUT,
        (None, false) => FILTERED_ALL,
    };
    let limit = i64::from(query.limit) + 1;
    let mut statement = sqlx::query_scalar(sql).bind(after).bind(to.cast_signed()).bind(limit);
    if about.is_some() || !query.filter.is_empty() {
        statement = statement.bind(&about);
    }
    if !query.filter.is_empty() {
        statement = with_filter!(statement, query.filter);
    }
    let rows: Vec<Json<Deep<EventRow>>> = statement.fetch_all(pool.inner()).await?;
    page.rows = rows.into_iter().map(|Json(Deep(row))| row).collect();
    let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let full = page.rows.len() > limit;
    page.rows.truncate(limit);
    page.up_to = match page.rows.last().filter(|_| full) {
        Some(last) => last.sequence,
        None => to,
    };
    page.more = full || window.is_some();
    Ok(page)
}

const PARKED: &str = "SELECT min(sequence) FROM parked_events WHERE projection = 'history' AND ($1::text IS NULL \
     OR split_part(subject, '.', 4) = $1 OR split_part(subject, '.', 5) = $2 \
     OR (split_part(subject, '.', 5) = 'organization' AND split_part(subject, '.', 6) = $1))";

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
