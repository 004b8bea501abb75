//! Invitations: row, fold and reads. That somebody accepted one is told by the event of the member who came by it.

use std::collections::HashMap;

use events::invitation::InvitationEvent;
use events::member::Added;
use events::sealed::Field;
use events::{EventId, InvitationId, OrganizationId, Recorded, Role, ScopeSet, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use super::page::List;
use super::text::{Texts, string};
use super::{Page, PageQuery, Pool, ReadModelError, owned};

/// An invitation as events tell.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct InvitationRow {
    pub id: InvitationId,
    pub organization: OrganizationId,
    /// `null`: none, or forgotten; so is the address.
    pub name: Option<String>,
    pub email: Option<String>,
    pub role: Role,
    pub scopes: ScopeSet,
    pub expires_at: Timestamp,
    pub state: InvitationState,
    /// Who became a member by it.
    pub person: Option<UserId>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Sequence of the event that created it.
    pub created: u64,
    /// Sequence of the newest event that changed it.
    pub changed: u64,
    /// Its own newest event, which the next one must say that it follows.
    pub newest: EventId,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvitationState {
    /// Until it expires.
    Open,
    Accepted,
    /// For ever.
    Withdrawn,
}

/// The row after an event; the row as it was when the event changes nothing.
pub fn fold(
    row: Option<InvitationRow>,
    id: InvitationId,
    event: &InvitationEvent,
    recorded: &Recorded,
    texts: &Texts,
) -> Option<InvitationRow> {
    let (sequence, time) = (recorded.position.sequence, recorded.envelope.time);
    let owner = recorded.envelope.subject.owner.organization();
    let Some(mut row) = row else {
        let (InvitationEvent::Created(created), Some(organization)) = (event, owner) else { return None };
        return Some(InvitationRow {
            id,
            organization,
            name: string(texts, Field::Name),
            email: string(texts, Field::Email),
            role: created.role,
            scopes: created.scopes.clone(),
            expires_at: created.expires_at,
            state: InvitationState::Open,
            person: None,
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
        (InvitationEvent::Withdrawn(_), InvitationState::Open) => {
            row.state = InvitationState::Withdrawn;
            row.updated_at = time;
            row.changed = sequence;
        }
        (InvitationEvent::Created(_), _)
        | (InvitationEvent::Withdrawn(_), InvitationState::Accepted | InvitationState::Withdrawn) => {}
    }
    Some(row)
}

/// The row after somebody became a member by it.
pub fn accepted(row: Option<InvitationRow>, added: &Added, recorded: &Recorded) -> Option<InvitationRow> {
    let mut row = row?;
    let own = recorded.envelope.subject.owner.organization() == Some(row.organization);
    if own && row.state == InvitationState::Open {
        row.state = InvitationState::Accepted;
        row.person = Some(added.person);
        row.updated_at = recorded.envelope.time;
        row.changed = recorded.position.sequence;
    }
    Some(row)
}

/// An invitation of this organization; `None` also for another's.
pub async fn get(
    pool: &Pool,
    organization: OrganizationId,
    id: InvitationId,
) -> Result<Option<InvitationRow>, ReadModelError> {
    let sql = "SELECT to_jsonb(i) FROM invitations i WHERE id = $1 AND organization = $2";
    owned::get(pool, sql, id.uuid(), organization.uuid()).await
}

/// An organization's invitations, newest first, also those that came to something.
pub async fn list(
    pool: &Pool,
    organization: OrganizationId,
    query: &PageQuery,
) -> Result<Page<InvitationRow>, ReadModelError> {
    owned::list(pool, LIST, organization.uuid(), (List::Invitations, query), |row: &InvitationRow| {
        row.created
    })
    .await
}

pub(super) const LIST: &str = "SELECT to_jsonb(i) FROM invitations i WHERE organization = $1 AND created < $2 \
                               ORDER BY created DESC LIMIT $3";

pub(crate) async fn load(
    connection: &mut PgConnection,
    ids: Vec<InvitationId>,
) -> Result<HashMap<InvitationId, InvitationRow>, sqlx::Error> {
    let sql = "SELECT to_jsonb(i) FROM invitations i WHERE id = ANY($1)";
    let ids = ids.into_iter().map(InvitationId::uuid).collect();
    let rows: Vec<InvitationRow> = super::load(connection, sql, ids).await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

pub(crate) async fn store(connection: &mut PgConnection, rows: &[InvitationRow]) -> Result<(), sqlx::Error> {
    let sql = "INSERT INTO invitations SELECT * FROM jsonb_populate_recordset(NULL::invitations, $1) \
               ON CONFLICT (id) DO UPDATE SET (name, email, state, person, updated_at, changed, newest) = \
               (excluded.name, excluded.email, excluded.state, excluded.person, excluded.updated_at, \
               excluded.changed, excluded.newest)";
    super::store(connection, sql, rows).await
}
