//! OAuth clients: row, fold and reads.

use std::collections::HashMap;

use events::client::{Changed, ClientEvent, ClientMetadata, Origin, SecretIssued};
use events::sealed::Field;
use events::{ClientId, EventId, Owner, Recorded, SecretId, Timestamp};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use super::page::List;
use super::text::{Texts, string};
use super::{Page, PageQuery, Pool, ReadModelError, owned};

/// A client as its events tell.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ClientRow {
    pub id: ClientId,
    pub owner: Owner,
    pub origin: Origin,
    /// What it calls itself; `null`: forgotten.
    pub name: Option<String>,
    pub metadata: ClientMetadata,
    pub state: ClientState,
    /// Those that are not revoked, oldest first.
    pub secrets: Vec<ClientSecretRow>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Sequence of the event that registered it.
    pub created: u64,
    /// Sequence of the newest event that changed it.
    pub changed: u64,
    /// The newest event, which the next one must say that it follows.
    pub newest: EventId,
}

/// What is told of a secret.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ClientSecretRow {
    pub id: SecretId,
    pub issued_at: Timestamp,
    pub expires_at: Option<Timestamp>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientState {
    Active,
    /// None of its grants works until it is enabled.
    Disabled,
    /// For ever.
    Removed,
}

/// The row after an event; the row as it was when the event changes nothing.
pub fn fold(
    row: Option<ClientRow>,
    id: ClientId,
    event: &ClientEvent,
    recorded: &Recorded,
    texts: &Texts,
) -> Option<ClientRow> {
    let (sequence, time) = (recorded.position.sequence, recorded.envelope.time);
    let owner = recorded.envelope.subject.owner;
    let Some(mut row) = row else {
        let ClientEvent::Registered(registered) = event else { return None };
        return Some(ClientRow {
            id,
            owner,
            origin: registered.origin.clone(),
            name: string(texts, Field::Name),
            metadata: registered.metadata.clone(),
            state: ClientState::Active,
            secrets: Vec::new(),
            created_at: time,
            updated_at: time,
            created: sequence,
            changed: sequence,
            newest: recorded.envelope.id,
        });
    };
    if row.owner != owner {
        return Some(row);
    }
    row.newest = recorded.envelope.id;
    match event {
        ClientEvent::Registered(_) => return Some(row),
        ClientEvent::Changed(changed) => {
            let Changed { metadata, name } = &**changed;
            row.metadata = metadata.clone();
            if name.is_some() {
                row.name = string(texts, Field::Name);
            }
        }
        ClientEvent::SecretIssued(SecretIssued { secret_id, digest: _, expires_at }) => {
            row.secrets.push(ClientSecretRow { id: *secret_id, issued_at: time, expires_at: *expires_at })
        }
        ClientEvent::SecretRevoked(revoked) => row.secrets.retain(|secret| secret.id != revoked.secret_id),
        ClientEvent::Disabled(_) if row.state == ClientState::Active => row.state = ClientState::Disabled,
        ClientEvent::Enabled(_) if row.state == ClientState::Disabled => row.state = ClientState::Active,
        ClientEvent::Disabled(_) | ClientEvent::Enabled(_) => {}
        ClientEvent::Removed(_) => {
            row.state = ClientState::Removed;
            row.secrets.clear();
        }
    }
    row.updated_at = time;
    row.changed = sequence;
    Some(row)
}

/// A client of this owner; `None` also for another's.
pub async fn get(pool: &Pool, owner: Owner, id: ClientId) -> Result<Option<ClientRow>, ReadModelError> {
    let sql = "SELECT to_jsonb(c) FROM clients c WHERE id = $1 AND owner = $2";
    owned::get(pool, sql, id.uuid(), owner.to_string()).await
}

/// An owner's clients, newest first, removed ones included.
pub async fn list(pool: &Pool, owner: Owner, query: &PageQuery) -> Result<Page<ClientRow>, ReadModelError> {
    owned::list(pool, LIST, owner.to_string(), (List::Clients, query), |row: &ClientRow| row.created).await
}

pub(super) const LIST: &str = "SELECT to_jsonb(c) FROM clients c WHERE owner = $1 AND created < $2 \
                               ORDER BY created DESC LIMIT $3";

pub(crate) async fn load(
    connection: &mut PgConnection,
    ids: Vec<ClientId>,
) -> Result<HashMap<ClientId, ClientRow>, sqlx::Error> {
    let sql = "SELECT to_jsonb(c) FROM clients c WHERE id = ANY($1)";
    let ids = ids.into_iter().map(ClientId::uuid).collect();
    let rows: Vec<ClientRow> = super::load(connection, sql, ids).await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

pub(crate) async fn store(connection: &mut PgConnection, rows: &[ClientRow]) -> Result<(), sqlx::Error> {
    let sql = "INSERT INTO clients SELECT * FROM jsonb_populate_recordset(NULL::clients, $1) \
               ON CONFLICT (id) DO UPDATE SET (name, metadata, state, secrets, updated_at, changed, newest) = \
               (excluded.name, excluded.metadata, excluded.state, excluded.secrets, excluded.updated_at, \
               excluded.changed, excluded.newest)";
    super::store(connection, sql, rows).await
}
