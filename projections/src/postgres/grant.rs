//! Grants: row, fold and reads.

use std::collections::HashMap;

use events::grant::{EndCause, GrantEvent};
use events::{
    ClientId, EventId, GrantId, KeyId, OrganizationId, Recorded, ScopeSet, ServerId, Timestamp, UserId,
};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::granted::{GrantedFilter, Statements, columns, listed};
use super::page::List;
use super::{Page, PageQuery, Pool, ReadModelError};

/// A grant as its events tell. Whether it works rests on more than these (decision 0031).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GrantRow {
    pub id: GrantId,
    pub organization: OrganizationId,
    /// By whose right: a person's, or that of whoever holds a key.
    pub person: Option<UserId>,
    pub key: Option<KeyId>,
    pub client: ClientId,
    pub server: ServerId,
    pub scopes: ScopeSet,
    pub expires_at: Timestamp,
    /// Why it ended before its time.
    pub cause: Option<EndCause>,
    pub ended_at: Option<Timestamp>,
    pub created_at: Timestamp,
    /// Sequence of the event that gave it.
    pub created: u64,
    /// Sequence of the newest event that changed it.
    pub changed: u64,
    /// The newest event, which the next one must say that it follows.
    pub newest: EventId,
}

events::named! {
    /// What the events say of a grant at some time.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum GrantState {
        Given = "given",
        /// Before its time, for ever.
        Ended = "ended",
        /// Its time is over.
        Expired = "expired",
    }
}

/// A grant with what is known of who gave it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct GrantListed {
    #[serde(flatten)]
    pub row: GrantRow,
    pub state: GrantState,
    /// `null`: not known, or forgotten.
    pub person_name: Option<String>,
    pub person_email: Option<String>,
    pub key_name: Option<String>,
}

/// The row after an event; the row as it was when the event changes nothing.
pub fn fold(row: Option<GrantRow>, id: GrantId, event: &GrantEvent, recorded: &Recorded) -> Option<GrantRow> {
    let (sequence, time) = (recorded.position.sequence, recorded.envelope.time);
    let owner = recorded.envelope.subject.owner.organization();
    let Some(mut row) = row else {
        let (GrantEvent::Given(given), Some(organization)) = (event, owner) else { return None };
        let (person, key) = columns(given.holder);
        return Some(GrantRow {
            id,
            organization,
            person,
            key,
            client: given.client,
            server: given.server,
            scopes: given.scopes.clone(),
            expires_at: given.expires_at,
            cause: None,
            ended_at: None,
            created_at: time,
            created: sequence,
            changed: sequence,
            newest: recorded.envelope.id,
        });
    };
    if owner != Some(row.organization) {
        return Some(row);
    }
    row.newest = recorded.envelope.id;
    match (event, row.cause) {
        (GrantEvent::Ended(ended), None) => {
            (row.cause, row.ended_at) = (Some(ended.cause), Some(time));
            row.changed = sequence;
        }
        (GrantEvent::Given(_), _) | (GrantEvent::Ended(_), Some(_)) => {}
    }
    Some(row)
}

/// A grant of this organization's; `None` also for another's.
pub async fn get(
    pool: &Pool,
    organization: OrganizationId,
    id: GrantId,
    now: Timestamp,
) -> Result<Option<GrantListed>, ReadModelError> {
    let row: Option<Json<_>> = sqlx::query_scalar(GET)
        .bind(organization.uuid())
        .bind(id.uuid())
        .bind(now.unix_millis())
        .fetch_optional(pool.inner())
        .await?;
    Ok(row.map(|Json(row)| row))
}

/// An organization's grants, newest first, ended and expired ones included.
pub async fn list(
    pool: &Pool,
    organization: OrganizationId,
    filter: &GrantedFilter<GrantState>,
    now: Timestamp,
    query: &PageQuery,
) -> Result<Page<GrantListed>, ReadModelError> {
    let (_, before) = query.after(List::Grants)?.unwrap_or((0, i64::MAX));
    let rows: Vec<Json<GrantListed>> = sqlx::query_scalar(LISTS.of(filter))
        .bind(organization.uuid())
        .bind(before)
        .bind(query.fetch())
        .bind(filter.client.map(ClientId::uuid))
        .bind(filter.person.map(UserId::uuid))
        .bind(filter.server.map(ServerId::uuid))
        .bind(filter.state.map(GrantState::as_str))
        .bind(now.unix_millis())
        .fetch_all(pool.inner())
        .await?;
    let rows = rows.into_iter().map(|Json(row)| row).collect();
    Ok(Page::of(rows, query, List::Grants, |it: &GrantListed| (0, it.row.created.cast_signed())))
}

macro_rules! grants {
    ($by:literal) => {
        listed!(
            "grants",
            "CASE WHEN g.cause IS NOT NULL THEN 'ended' \
             WHEN g.expires_at <= to_timestamp($8::bigint / 1000.0) THEN 'expired' ELSE 'given' END",
            $by
        )
    };
}

pub(super) const LISTS: Statements = Statements {
    all: grants!(""),
    of_client: grants!(" AND g.client = $4"),
    of_person: grants!(" AND g.person = $5"),
    of_server: grants!(" AND g.server = $6"),
};

const GET: &str = "SELECT to_jsonb(g) || jsonb_build_object('state', CASE WHEN g.cause IS NOT NULL THEN 'ended' \
     WHEN g.expires_at <= to_timestamp($3::bigint / 1000.0) THEN 'expired' ELSE 'given' END, \
     'person_name', (SELECT p.name FROM people p WHERE p.id = g.person), \
     'person_email', (SELECT p.email FROM people p WHERE p.id = g.person), \
     'key_name', (SELECT k.name FROM keys k WHERE k.id = g.key)) \
     FROM grants g WHERE g.organization = $1 AND g.id = $2";

pub(crate) async fn load(
    connection: &mut PgConnection,
    ids: Vec<GrantId>,
) -> Result<HashMap<GrantId, GrantRow>, sqlx::Error> {
    let sql = "SELECT to_jsonb(g) FROM grants g WHERE id = ANY($1)";
    let ids = ids.into_iter().map(GrantId::uuid).collect();
    let rows: Vec<GrantRow> = super::load(connection, sql, ids).await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

pub(crate) async fn store(connection: &mut PgConnection, rows: &[GrantRow]) -> Result<(), sqlx::Error> {
    let sql = "INSERT INTO grants SELECT * FROM jsonb_populate_recordset(NULL::grants, $1) \
               ON CONFLICT (id) DO UPDATE SET (cause, ended_at, changed, newest) = \
               (excluded.cause, excluded.ended_at, excluded.changed, excluded.newest)";
    super::store(connection, sql, rows).await
}
