//! MCP servers: row, fold and reads.

use std::collections::HashMap;

use events::sealed::Field;
use events::server::{ServerEvent, UpstreamSettings, UpstreamUrl};
use events::{EventId, OrganizationId, Owner, Recorded, ServerId, Slug, Timestamp};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use super::page::List;
use super::text::{Texts, string};
use super::{Page, PageQuery, Pool, ReadModelError, owned};

/// An MCP server as its events tell.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ServerRow {
    pub id: ServerId,
    pub organization: OrganizationId,
    pub slug: Slug,
    /// `null`: forgotten.
    pub name: Option<String>,
    pub upstream: UpstreamUrl,
    #[serde(flatten)]
    pub settings: UpstreamSettings,
    pub state: ServerState,
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
pub enum ServerState {
    Enabled,
    Disabled,
    /// For ever.
    Removed,
}

/// The row after an event; the row as it was when the event changes nothing.
pub fn fold(
    row: Option<ServerRow>,
    id: ServerId,
    event: &ServerEvent,
    recorded: &Recorded,
    texts: &Texts,
) -> Option<ServerRow> {
    let (sequence, time) = (recorded.position.sequence, recorded.envelope.time);
    let owner = recorded.envelope.subject.owner;
    let Some(mut row) = row else {
        return match (event, owner) {
            (ServerEvent::Registered(registered), Owner::Organization(organization)) => Some(ServerRow {
                id,
                organization,
                slug: registered.slug.clone(),
                name: string(texts, Field::Name),
                upstream: registered.upstream.clone(),
                settings: registered.settings.clone(),
                state: state_of(registered.enabled),
                created_at: time,
                updated_at: time,
                created: sequence,
                changed: sequence,
                newest: recorded.envelope.id,
            }),
            (ServerEvent::Registered(_), Owner::Installation)
            | (ServerEvent::Changed(_) | ServerEvent::Removed(_), _) => None,
        };
    };
    if Owner::Organization(row.organization) != owner {
        return Some(row);
    }
    row.newest = recorded.envelope.id;
    match event {
        ServerEvent::Registered(_) => return Some(row),
        ServerEvent::Changed(changed) => {
            if changed.name.is_some() {
                row.name = string(texts, Field::Name);
            }
            if let Some(upstream) = &changed.upstream {
                row.upstream = upstream.clone();
            }
            if let Some(settings) = &changed.settings {
                row.settings = settings.clone();
            }
            if let Some(enabled) = changed.enabled {
                // What is removed stays removed.
                if row.state != ServerState::Removed {
                    row.state = state_of(enabled);
                }
            }
        }
        ServerEvent::Removed(_) => row.state = ServerState::Removed,
    }
    row.updated_at = time;
    row.changed = sequence;
    Some(row)
}

fn state_of(enabled: bool) -> ServerState {
    if enabled { ServerState::Enabled } else { ServerState::Disabled }
}

/// A server of this organization; `None` also for another's.
pub async fn get(
    pool: &Pool,
    organization: OrganizationId,
    id: ServerId,
) -> Result<Option<ServerRow>, ReadModelError> {
    let sql = "SELECT to_jsonb(s) FROM servers s WHERE id = $1 AND organization = $2";
    owned::get(pool, sql, id.uuid(), organization.uuid()).await
}

/// An organization's servers, newest first, removed ones included.
pub async fn list(
    pool: &Pool,
    organization: OrganizationId,
    query: &PageQuery,
) -> Result<Page<ServerRow>, ReadModelError> {
    owned::list(pool, LIST, organization.uuid(), (List::Servers, query), |row: &ServerRow| row.created).await
}

pub(super) const LIST: &str = "SELECT to_jsonb(s) FROM servers s WHERE organization = $1 AND created < $2 \
                               ORDER BY created DESC LIMIT $3";

pub(crate) async fn load(
    connection: &mut PgConnection,
    ids: Vec<ServerId>,
) -> Result<HashMap<ServerId, ServerRow>, sqlx::Error> {
    let sql = "SELECT to_jsonb(s) FROM servers s WHERE id = ANY($1)";
    let ids = ids.into_iter().map(ServerId::uuid).collect();
    let rows: Vec<ServerRow> = super::load(connection, sql, ids).await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

pub(crate) async fn store(connection: &mut PgConnection, rows: &[ServerRow]) -> Result<(), sqlx::Error> {
    let sql = "INSERT INTO servers SELECT * FROM jsonb_populate_recordset(NULL::servers, $1) \
               ON CONFLICT (id) DO UPDATE SET (name, upstream, state, updated_at, changed, newest, credentials, ca, \
               response_timeout_ms, idle_timeout_ms) = (excluded.name, excluded.upstream, excluded.state, \
               excluded.updated_at, excluded.changed, excluded.newest, excluded.credentials, excluded.ca, \
               excluded.response_timeout_ms, excluded.idle_timeout_ms)";
    super::store(connection, sql, rows).await
}
