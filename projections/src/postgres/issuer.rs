//! Issuers: row, fold and reads.

use std::collections::HashMap;

use events::issuer::{Changed, CredentialKind, CredentialSet, IssuerEvent, IssuerSettings};
use events::sealed::Field;
use events::{EventId, IssuerId, Owner, Recorded, SecretId, Slug, Timestamp};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use super::page::List;
use super::text::{Texts, string};
use super::{Page, PageQuery, Pool, ReadModelError, owned};

/// An issuer as its events tell.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct IssuerRow {
    pub id: IssuerId,
    pub owner: Owner,
    pub slug: Slug,
    /// `null`: forgotten.
    pub name: Option<String>,
    pub settings: IssuerSettings,
    pub state: IssuerState,
    pub credential: Option<SecretId>,
    pub credential_kind: Option<CredentialKind>,
    /// When the credential was set.
    pub credential_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Sequence of the event that registered it.
    pub created: u64,
    /// Sequence of the newest event that changed it.
    pub changed: u64,
    /// The newest event, which the next one must say that it follows.
    pub newest: EventId,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IssuerState {
    Enabled,
    Disabled,
    /// For ever.
    Removed,
}

/// The row after an event; the row as it was when the event changes nothing.
pub fn fold(
    row: Option<IssuerRow>,
    id: IssuerId,
    event: &IssuerEvent,
    recorded: &Recorded,
    texts: &Texts,
) -> Option<IssuerRow> {
    let (sequence, time) = (recorded.position.sequence, recorded.envelope.time);
    let owner = recorded.envelope.subject.owner;
    let Some(mut row) = row else {
        let IssuerEvent::Registered(registered) = event else { return None };
        return Some(IssuerRow {
            id,
            owner,
            slug: registered.slug.clone(),
            name: string(texts, Field::Name),
            settings: registered.settings.clone(),
            state: state_of(registered.enabled),
            credential: None,
            credential_kind: None,
            credential_at: None,
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
        IssuerEvent::Registered(_) => return Some(row),
        IssuerEvent::Changed(Changed { settings, enabled }) => {
            row.settings = settings.clone();
            row.state = state_of(*enabled);
        }
        IssuerEvent::Renamed(_) => row.name = string(texts, Field::Name),
        IssuerEvent::CredentialSet(CredentialSet { credential, kind }) => {
            (row.credential, row.credential_kind, row.credential_at) =
                (Some(*credential), Some(*kind), Some(time));
        }
        IssuerEvent::CredentialRemoved(_) => {
            (row.credential, row.credential_kind, row.credential_at) = (None, None, None);
        }
        IssuerEvent::Removed(_) => {
            row.state = IssuerState::Removed;
            (row.credential, row.credential_kind, row.credential_at) = (None, None, None);
        }
    }
    row.updated_at = time;
    row.changed = sequence;
    Some(row)
}

fn state_of(enabled: bool) -> IssuerState {
    if enabled { IssuerState::Enabled } else { IssuerState::Disabled }
}

/// An issuer of this owner; `None` also for another's.
pub async fn get(pool: &Pool, owner: Owner, id: IssuerId) -> Result<Option<IssuerRow>, ReadModelError> {
    let sql = "SELECT to_jsonb(i) FROM issuers i WHERE id = $1 AND owner = $2";
    owned::get(pool, sql, id.uuid(), owner.to_string()).await
}

/// An owner's issuers, newest first, removed ones included.
pub async fn list(pool: &Pool, owner: Owner, query: &PageQuery) -> Result<Page<IssuerRow>, ReadModelError> {
    owned::list(pool, LIST, owner.to_string(), (List::Issuers, query), |row: &IssuerRow| row.created).await
}

pub(super) const LIST: &str = "SELECT to_jsonb(i) FROM issuers i WHERE owner = $1 AND created < $2 \
                               ORDER BY created DESC LIMIT $3";

pub(crate) async fn load(
    connection: &mut PgConnection,
    ids: Vec<IssuerId>,
) -> Result<HashMap<IssuerId, IssuerRow>, sqlx::Error> {
    let sql = "SELECT to_jsonb(i) FROM issuers i WHERE id = ANY($1)";
    let ids = ids.into_iter().map(IssuerId::uuid).collect();
    let rows: Vec<IssuerRow> = super::load(connection, sql, ids).await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

pub(crate) async fn store(connection: &mut PgConnection, rows: &[IssuerRow]) -> Result<(), sqlx::Error> {
    let sql = "INSERT INTO issuers SELECT * FROM jsonb_populate_recordset(NULL::issuers, $1) \
               ON CONFLICT (id) DO UPDATE SET (name, settings, state, credential, credential_kind, credential_at, \
               updated_at, changed, newest) = (excluded.name, excluded.settings, excluded.state, \
               excluded.credential, excluded.credential_kind, excluded.credential_at, excluded.updated_at, \
               excluded.changed, excluded.newest)";
    super::store(connection, sql, rows).await
}
