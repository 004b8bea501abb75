//! Approvals: row, fold and reads.

use std::collections::HashMap;

use events::approval::ApprovalEvent;
use events::client::Origin;
use events::{ApprovalId, ClientId, EventId, OrganizationId, Recorded, Timestamp};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::page::List;
use super::{Page, PageQuery, Pool, ReadModelError, owned};

/// An approval as its events tell.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ApprovalRow {
    pub id: ApprovalId,
    pub organization: OrganizationId,
    pub client: ClientId,
    pub state: ApprovalState,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Sequence of the event that gave it first.
    pub created: u64,
    /// Sequence of the newest event that changed it.
    pub changed: u64,
    /// The newest event, which the next one must say that it follows.
    pub newest: EventId,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalState {
    Given,
    /// Until it is given again.
    Withdrawn,
}

/// An approval with what is known of the client.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct ApprovalListed {
    #[serde(flatten)]
    pub row: ApprovalRow,
    /// `null`: nobody has used it yet, or it is another organization's own.
    pub known: Option<KnownClient>,
}

/// What is said of an approved client.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct KnownClient {
    /// What it calls itself; `null`: forgotten.
    pub name: Option<String>,
    pub origin: Origin,
}

/// The row after an event; the row as it was when the event changes nothing.
pub fn fold(
    row: Option<ApprovalRow>,
    id: ApprovalId,
    event: &ApprovalEvent,
    recorded: &Recorded,
) -> Option<ApprovalRow> {
    let (sequence, time) = (recorded.position.sequence, recorded.envelope.time);
    let owner = recorded.envelope.subject.owner.organization();
    let Some(mut row) = row else {
        let (ApprovalEvent::Given(given), Some(organization)) = (event, owner) else { return None };
        return Some(ApprovalRow {
            id,
            organization,
            client: given.client,
            state: ApprovalState::Given,
            created_at: time,
            updated_at: time,
            created: sequence,
            changed: sequence,
            newest: recorded.envelope.id,
        });
    };
    if owner != Some(row.organization) {
        return Some(row);
    }
    row.newest = recorded.envelope.id;
    row.state = match event {
        ApprovalEvent::Given(_) => ApprovalState::Given,
        ApprovalEvent::Withdrawn(_) => ApprovalState::Withdrawn,
    };
    row.updated_at = time;
    row.changed = sequence;
    Some(row)
}

/// What an organization said of a client.
pub async fn get(pool: &Pool, id: ApprovalId) -> Result<Option<ApprovalListed>, ReadModelError> {
    let row: Option<Json<_>> = sqlx::query_scalar(GET).bind(id.uuid()).fetch_optional(pool.inner()).await?;
    Ok(row.map(|Json(row)| row))
}

/// An organization's approvals, newest first, withdrawn ones included.
pub async fn list(
    pool: &Pool,
    organization: OrganizationId,
    query: &PageQuery,
) -> Result<Page<ApprovalListed>, ReadModelError> {
    owned::list(pool, LIST, organization.uuid(), (List::Approvals, query), |it: &ApprovalListed| {
        it.row.created
    })
    .await
}

// The client by a subquery: a join may be planned as a look at all of them.
const GET: &str = "SELECT to_jsonb(a) || jsonb_build_object('known', \
         (SELECT jsonb_build_object('name', c.name, 'origin', c.origin) FROM clients c \
          WHERE c.id = a.client AND c.owner IN ('_', a.organization::text))) \
     FROM approvals a WHERE a.id = $1";

pub(super) const LIST: &str = "SELECT to_jsonb(a) || jsonb_build_object('known', \
         (SELECT jsonb_build_object('name', c.name, 'origin', c.origin) FROM clients c \
          WHERE c.id = a.client AND c.owner IN ('_', a.organization::text))) \
     FROM approvals a WHERE a.organization = $1 AND a.created < $2 ORDER BY a.created DESC LIMIT $3";

pub(crate) async fn load(
    connection: &mut PgConnection,
    ids: Vec<ApprovalId>,
) -> Result<HashMap<ApprovalId, ApprovalRow>, sqlx::Error> {
    let sql = "SELECT to_jsonb(a) FROM approvals a WHERE id = ANY($1)";
    let ids = ids.into_iter().map(ApprovalId::uuid).collect();
    let rows: Vec<ApprovalRow> = super::load(connection, sql, ids).await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

pub(crate) async fn store(connection: &mut PgConnection, rows: &[ApprovalRow]) -> Result<(), sqlx::Error> {
    let sql = "INSERT INTO approvals SELECT * FROM jsonb_populate_recordset(NULL::approvals, $1) \
               ON CONFLICT (id) DO UPDATE SET (state, updated_at, changed, newest) = \
               (excluded.state, excluded.updated_at, excluded.changed, excluded.newest)";
    super::store(connection, sql, rows).await
}
