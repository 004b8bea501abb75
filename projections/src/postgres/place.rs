//! How far what leaves Keyledger has come: drains and exports. A place moves only from where its writer left it, so that
//! of two writers one goes on.

use events::tlog::Tree;
use events::{EventId, LogId, Timestamp};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;

use super::{Pool, ReadModelError};

/// What follows the log on behalf of somebody outside.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaceKind {
    Drain,
    Export,
}

impl PlaceKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Drain => "drain",
            Self::Export => "export",
        }
    }
}

/// Up to where one of them has handed the log over.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Handed {
    pub log: LogId,
    /// The last message that was handed over; 0: none yet.
    pub sequence: u64,
    /// `null`: there is none yet, or the message there is no event of ours.
    pub event: Option<EventId>,
    /// When the log stored that message.
    pub stored_at: Option<Timestamp>,
    /// When it was handed over.
    pub moved_at: Timestamp,
    /// The log's tree at this place; an export's.
    pub tree: Option<Tree>,
    /// The last message of the file that is being written; an export's.
    pub pending: Option<u64>,
}

/// A place, whose it is, and how its owner fares.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PlaceRow {
    pub kind: PlaceKind,
    pub name: String,
    #[serde(flatten)]
    pub handed: Handed,
    /// Why it stands still.
    pub problem: Option<String>,
    pub problem_since: Option<Timestamp>,
}

/// A problem is told in so many characters.
const LONGEST_PROBLEM: usize = 1_000;

/// `None`: it has not begun yet.
pub async fn read(pool: &Pool, kind: PlaceKind, name: &str) -> Result<Option<PlaceRow>, ReadModelError> {
    pool.has_own_sessions().await?;
    let sql = "SELECT to_jsonb(p) FROM places p WHERE kind = $1 AND name = $2";
    let row: Option<Json<PlaceRow>> =
        sqlx::query_scalar(sql).bind(kind.as_str()).bind(name).fetch_optional(pool.inner()).await?;
    Ok(row.map(|Json(row)| row))
}

/// All of a kind, by name.
pub async fn all(pool: &Pool, kind: PlaceKind) -> Result<Vec<PlaceRow>, ReadModelError> {
    pool.has_own_sessions().await?;
    let sql = "SELECT to_jsonb(p) FROM places p WHERE kind = $1 ORDER BY name LIMIT 1000";
    let rows: Vec<Json<PlaceRow>> =
        sqlx::query_scalar(sql).bind(kind.as_str()).fetch_all(pool.inner()).await?;
    Ok(rows.into_iter().map(|Json(row)| row).collect())
}

/// Begins at a place, unless it has begun already.
pub async fn begin(pool: &Pool, kind: PlaceKind, name: &str, at: &Handed) -> Result<(), ReadModelError> {
    let sql = "INSERT INTO places (kind, name, log, sequence, event, stored_at, moved_at, tree, pending) \
               SELECT $2, $3, log, sequence, event, stored_at, moved_at, tree, pending \
               FROM jsonb_populate_record(NULL::places, $1) ON CONFLICT DO NOTHING";
    sqlx::query(sql).bind(Json(at)).bind(kind.as_str()).bind(name).execute(pool.inner()).await?;
    Ok(())
}

/// Moves it; what stood in its way does no more. False: it is not where its writer left it, so somebody else writes.
pub async fn advance(
    pool: &Pool,
    kind: PlaceKind,
    name: &str,
    from: &Handed,
    to: &Handed,
) -> Result<bool, ReadModelError> {
    let sql = "UPDATE places p SET (sequence, event, stored_at, moved_at, tree, pending, problem, problem_since) \
               = (t.sequence, t.event, t.stored_at, t.moved_at, t.tree, t.pending, NULL, NULL) \
               FROM jsonb_populate_record(NULL::places, $1) t \
               WHERE p.kind = $2 AND p.name = $3 AND p.log = t.log AND p.sequence = $4 \
               AND p.pending IS NOT DISTINCT FROM $5";
    let statement = sqlx::query(sql).bind(Json(to)).bind(kind.as_str()).bind(name);
    let statement = statement.bind(from.sequence.cast_signed()).bind(from.pending.map(u64::cast_signed));
    Ok(statement.execute(pool.inner()).await?.rows_affected() == 1)
}

/// Says why it stands still; it does so since the first time that this is said.
pub async fn trouble(
    pool: &Pool,
    kind: PlaceKind,
    name: &str,
    problem: &str,
    now: Timestamp,
) -> Result<(), ReadModelError> {
    let problem: String = super::text::clean(problem.chars().take(LONGEST_PROBLEM).collect());
    let sql = "UPDATE places SET problem = $3, problem_since = COALESCE(problem_since, ($4#>>'{}')::timestamptz) \
               WHERE kind = $1 AND name = $2";
    let statement = sqlx::query(sql).bind(kind.as_str()).bind(name).bind(problem);
    statement.bind(Json(now)).execute(pool.inner()).await?;
    Ok(())
}

/// Nothing stands in its way any more, although there is nothing to hand over.
pub async fn clear(pool: &Pool, kind: PlaceKind, name: &str) -> Result<(), ReadModelError> {
    let sql = "UPDATE places SET problem = NULL, problem_since = NULL \
               WHERE kind = $1 AND name = $2 AND problem IS NOT NULL";
    sqlx::query(sql).bind(kind.as_str()).bind(name).execute(pool.inner()).await?;
    Ok(())
}

/// Forgets a place: its owner begins anew. False: there is none.
pub async fn reset(pool: &Pool, kind: PlaceKind, name: &str) -> Result<bool, ReadModelError> {
    pool.has_own_sessions().await?;
    let sql = "DELETE FROM places WHERE kind = $1 AND name = $2";
    let done = sqlx::query(sql).bind(kind.as_str()).bind(name).execute(pool.inner()).await?;
    Ok(done.rows_affected() == 1)
}
