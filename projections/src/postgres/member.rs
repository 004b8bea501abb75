//! Members: row, fold and reads.

use std::collections::HashMap;

use events::member::MemberEvent;
use events::{EventId, MemberId, OrganizationId, Recorded, Role, ScopeSet, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::page::List;
use super::{Page, PageQuery, Pool, ReadModelError, owned};

/// A member as its events tell.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MemberRow {
    pub id: MemberId,
    pub organization: OrganizationId,
    pub person: UserId,
    pub role: Role,
    pub scopes: ScopeSet,
    pub state: MemberState,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Sequence of the event that added the person first.
    pub created: u64,
    /// Sequence of the newest event that changed it.
    pub changed: u64,
    /// The newest event, which the next one must say that it follows.
    pub newest: EventId,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberState {
    Active,
    /// Until the person is added again.
    Removed,
}

/// A member with what is known of the person.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct MemberListed {
    #[serde(flatten)]
    pub row: MemberRow,
    /// `null`: not known, or forgotten; so is the address.
    pub name: Option<String>,
    pub email: Option<String>,
}

/// The row after an event; the row as it was when the event changes nothing.
pub fn fold(
    row: Option<MemberRow>,
    id: MemberId,
    event: &MemberEvent,
    recorded: &Recorded,
) -> Option<MemberRow> {
    let (sequence, time) = (recorded.position.sequence, recorded.envelope.time);
    let owner = recorded.envelope.subject.owner.organization();
    let Some(mut row) = row else {
        let (MemberEvent::Added(added), Some(organization)) = (event, owner) else { return None };
        return Some(MemberRow {
            id,
            organization,
            person: added.person,
            role: added.role,
            scopes: added.scopes.clone(),
            state: MemberState::Active,
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
    match (event, row.state) {
        (MemberEvent::Added(added), MemberState::Removed) => {
            row.state = MemberState::Active;
            row.role = added.role;
            row.scopes = added.scopes.clone();
        }
        (MemberEvent::Changed(changed), MemberState::Active) => {
            row.role = changed.role;
            row.scopes = changed.scopes.clone();
        }
        (MemberEvent::Removed(_), MemberState::Active) => row.state = MemberState::Removed,
        (MemberEvent::Added(_), MemberState::Active)
        | (MemberEvent::Changed(_) | MemberEvent::Removed(_), MemberState::Removed) => return Some(row),
    }
    row.updated_at = time;
    row.changed = sequence;
    Some(row)
}

/// What a person is, or was, in an organization.
pub async fn get(pool: &Pool, id: MemberId) -> Result<Option<MemberListed>, ReadModelError> {
    let row: Option<Json<_>> = sqlx::query_scalar(GET).bind(id.uuid()).fetch_optional(pool.inner()).await?;
    Ok(row.map(|Json(row)| row))
}

/// An organization's members, newest first, removed ones included.
pub async fn list(
    pool: &Pool,
    organization: OrganizationId,
    query: &PageQuery,
) -> Result<Page<MemberListed>, ReadModelError> {
    owned::list(pool, LIST, organization.uuid(), (List::Members, query), |it: &MemberListed| it.row.created)
        .await
}

// The person by a subquery: a join may be planned as a look at everybody.
const GET: &str = "SELECT to_jsonb(m) || coalesce((SELECT jsonb_build_object('name', p.name, 'email', p.email) \
     FROM people p WHERE p.id = m.person), '{}') FROM members m WHERE m.id = $1";

pub(super) const LIST: &str = "SELECT to_jsonb(m) || coalesce((SELECT jsonb_build_object('name', p.name, 'email', p.email) \
     FROM people p WHERE p.id = m.person), '{}') \
     FROM members m WHERE m.organization = $1 AND m.created < $2 ORDER BY m.created DESC LIMIT $3";

pub(crate) async fn load(
    connection: &mut PgConnection,
    ids: Vec<MemberId>,
) -> Result<HashMap<MemberId, MemberRow>, sqlx::Error> {
    let sql = "SELECT to_jsonb(m) FROM members m WHERE id = ANY($1)";
    let ids = ids.into_iter().map(MemberId::uuid).collect();
    let rows: Vec<MemberRow> = super::load(connection, sql, ids).await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

pub(crate) async fn store(connection: &mut PgConnection, rows: &[MemberRow]) -> Result<(), sqlx::Error> {
    let sql = "INSERT INTO members SELECT * FROM jsonb_populate_recordset(NULL::members, $1) \
               ON CONFLICT (id) DO UPDATE SET (role, scopes, state, updated_at, changed, newest) = \
               (excluded.role, excluded.scopes, excluded.state, excluded.updated_at, excluded.changed, \
               excluded.newest)";
    super::store(connection, sql, rows).await
}
