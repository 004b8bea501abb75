//! Organizations: row, fold and reads.

use std::collections::HashMap;

use events::organization::OrganizationEvent;
use events::sealed::Field;
use events::{EventId, OrganizationId, Recorded, Slug, Timestamp};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::page::List;
use super::text::{Texts, string};
use super::{Page, PageQuery, Pool, ReadModelError};

/// An organization as its events tell.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OrganizationRow {
    pub id: OrganizationId,
    pub slug: Slug,
    /// `null`: forgotten.
    pub name: Option<String>,
    pub state: OrganizationState,
    /// Its people may use those clients alone that it has approved.
    pub requires_approval: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Sequence of the event that created it.
    pub created: u64,
    /// Sequence of the newest event that changed it.
    pub changed: u64,
    /// The newest event, which the next one must say that it follows.
    pub newest: EventId,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrganizationState {
    Active,
    Suspended,
    Forgotten,
}

/// The row after an event; the row as it was when the event changes nothing.
pub fn fold(
    row: Option<OrganizationRow>,
    id: OrganizationId,
    event: &OrganizationEvent,
    recorded: &Recorded,
    texts: &Texts,
) -> Option<OrganizationRow> {
    let (sequence, time) = (recorded.position.sequence, recorded.envelope.time);
    let Some(mut row) = row else {
        return match event {
            OrganizationEvent::Created(created) => Some(OrganizationRow {
                id,
                slug: created.slug.clone(),
                name: string(texts, Field::Name),
                state: OrganizationState::Active,
                requires_approval: false,
                created_at: time,
                updated_at: time,
                created: sequence,
                changed: sequence,
                newest: recorded.envelope.id,
            }),
            OrganizationEvent::Renamed(_)
            | OrganizationEvent::Suspended(_)
            | OrganizationEvent::Resumed(_)
            | OrganizationEvent::Forgotten(_)
            | OrganizationEvent::ClientApprovalRequired(_)
            | OrganizationEvent::ClientApprovalWaived(_) => None,
        };
    };
    row.newest = recorded.envelope.id;
    match event {
        OrganizationEvent::Created(_) => return Some(row),
        OrganizationEvent::Renamed(_) => row.name = string(texts, Field::Name),
        OrganizationEvent::Suspended(_) => row.state = OrganizationState::Suspended,
        OrganizationEvent::Resumed(_) => row.state = OrganizationState::Active,
        OrganizationEvent::Forgotten(_) => {
            row.state = OrganizationState::Forgotten;
            row.name = None;
        }
        OrganizationEvent::ClientApprovalRequired(_) => row.requires_approval = true,
        OrganizationEvent::ClientApprovalWaived(_) => row.requires_approval = false,
    }
    row.updated_at = time;
    row.changed = sequence;
    Some(row)
}

pub async fn get(pool: &Pool, id: OrganizationId) -> Result<Option<OrganizationRow>, ReadModelError> {
    let row: Option<Json<_>> = sqlx::query_scalar("SELECT to_jsonb(o) FROM organizations o WHERE id = $1")
        .bind(id.uuid())
        .fetch_optional(pool.inner())
        .await?;
    Ok(row.map(|Json(row)| row))
}

/// Every organization, newest first.
pub async fn list(pool: &Pool, query: &PageQuery) -> Result<Page<OrganizationRow>, ReadModelError> {
    let (_, before) = query.after(List::Organizations)?.unwrap_or((0, i64::MAX));
    let rows: Vec<Json<OrganizationRow>> =
        sqlx::query_scalar(LIST).bind(before).bind(query.fetch()).fetch_all(pool.inner()).await?;
    let rows = rows.into_iter().map(|Json(row)| row).collect();
    Ok(Page::of(rows, query, List::Organizations, |row: &OrganizationRow| (0, row.created.cast_signed())))
}

pub(super) const LIST: &str =
    "SELECT to_jsonb(o) FROM organizations o WHERE created < $1 ORDER BY created DESC LIMIT $2";

pub(crate) async fn load(
    connection: &mut PgConnection,
    ids: Vec<OrganizationId>,
) -> Result<HashMap<OrganizationId, OrganizationRow>, sqlx::Error> {
    let sql = "SELECT to_jsonb(o) FROM organizations o WHERE id = ANY($1)";
    let ids = ids.into_iter().map(OrganizationId::uuid).collect();
    let rows: Vec<OrganizationRow> = super::load(connection, sql, ids).await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

pub(crate) async fn store(
    connection: &mut PgConnection,
    rows: &[OrganizationRow],
) -> Result<(), sqlx::Error> {
    let sql = "INSERT INTO organizations SELECT * FROM jsonb_populate_recordset(NULL::organizations, $1) \
               ON CONFLICT (id) DO UPDATE SET (name, state, requires_approval, updated_at, changed, newest) = \
               (excluded.name, excluded.state, excluded.requires_approval, excluded.updated_at, \
               excluded.changed, excluded.newest)";
    super::store(connection, sql, rows).await
}
