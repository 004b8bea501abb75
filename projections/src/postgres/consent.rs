//! Consents: row, fold and reads.

use std::collections::HashMap;

use events::consent::ConsentEvent;
use events::{
    ClientId, ConsentId, EventId, KeyId, OrganizationId, Recorded, ScopeSet, ServerId, Timestamp, UserId,
};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::granted::{GrantedFilter, Statements, columns, listed};
use super::page::List;
use super::{Page, PageQuery, Pool, ReadModelError};

/// A consent as its events tell.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ConsentRow {
    pub id: ConsentId,
    pub organization: OrganizationId,
    /// Who gave it: a person, or whoever holds a key.
    pub person: Option<UserId>,
    pub key: Option<KeyId>,
    pub client: ClientId,
    pub server: ServerId,
    /// What was consented to last, also where it is withdrawn.
    pub scopes: ScopeSet,
    pub state: ConsentState,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Sequence of the event that gave it first.
    pub created: u64,
    /// Sequence of the newest event that changed it.
    pub changed: u64,
    /// The newest event, which the next one must say that it follows.
    pub newest: EventId,
}

events::named! {
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum ConsentState {
        Given = "given",
        /// Until it is given again, which is another consent.
        Withdrawn = "withdrawn",
    }
}

/// A consent with what is known of who gave it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct ConsentListed {
    #[serde(flatten)]
    pub row: ConsentRow,
    /// `null`: not known, or forgotten.
    pub person_name: Option<String>,
    pub person_email: Option<String>,
    pub key_name: Option<String>,
}

/// The row after an event; the row as it was when the event changes nothing.
pub fn fold(
    row: Option<ConsentRow>,
    id: ConsentId,
    event: &ConsentEvent,
    recorded: &Recorded,
) -> Option<ConsentRow> {
    let (sequence, time) = (recorded.position.sequence, recorded.envelope.time);
    let owner = recorded.envelope.subject.owner.organization();
    let Some(mut row) = row else {
        let (ConsentEvent::Given(given), Some(organization)) = (event, owner) else { return None };
        let (person, key) = columns(given.holder);
        return Some(ConsentRow {
            id,
            organization,
            person,
            key,
            client: given.client,
            server: given.server,
            scopes: given.scopes.clone(),
            state: ConsentState::Given,
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
        (ConsentEvent::Given(given), _) => {
            row.state = ConsentState::Given;
            row.scopes = given.scopes.clone();
        }
        (ConsentEvent::Withdrawn(_), ConsentState::Given) => row.state = ConsentState::Withdrawn,
        (ConsentEvent::Withdrawn(_), ConsentState::Withdrawn) => return Some(row),
    }
    row.updated_at = time;
    row.changed = sequence;
    Some(row)
}

/// An organization's consents, newest first, withdrawn ones included.
pub async fn list(
    pool: &Pool,
    organization: OrganizationId,
    filter: &GrantedFilter<ConsentState>,
    query: &PageQuery,
) -> Result<Page<ConsentListed>, ReadModelError> {
    let (_, before) = query.after(List::Consents)?.unwrap_or((0, i64::MAX));
    let rows: Vec<Json<ConsentListed>> = sqlx::query_scalar(LISTS.of(filter))
        .bind(organization.uuid())
        .bind(before)
        .bind(query.fetch())
        .bind(filter.client.map(ClientId::uuid))
        .bind(filter.person.map(UserId::uuid))
        .bind(filter.server.map(ServerId::uuid))
        .bind(filter.state.map(ConsentState::as_str))
        .fetch_all(pool.inner())
        .await?;
    let rows = rows.into_iter().map(|Json(row)| row).collect();
    Ok(Page::of(rows, query, List::Consents, |it: &ConsentListed| (0, it.row.created.cast_signed())))
}

macro_rules! consents {
    ($by:literal) => {
        listed!("consents", "g.state", $by)
    };
}

pub(super) const LISTS: Statements = Statements {
    all: consents!(""),
    of_client: consents!(" AND g.client = $4"),
    of_person: consents!(" AND g.person = $5"),
    of_server: consents!(" AND g.server = $6"),
};

pub(crate) async fn load(
    connection: &mut PgConnection,
    ids: Vec<ConsentId>,
) -> Result<HashMap<ConsentId, ConsentRow>, sqlx::Error> {
    let sql = "SELECT to_jsonb(c) FROM consents c WHERE id = ANY($1)";
    let ids = ids.into_iter().map(ConsentId::uuid).collect();
    let rows: Vec<ConsentRow> = super::load(connection, sql, ids).await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

pub(crate) async fn store(connection: &mut PgConnection, rows: &[ConsentRow]) -> Result<(), sqlx::Error> {
    let sql = "INSERT INTO consents SELECT * FROM jsonb_populate_recordset(NULL::consents, $1) \
               ON CONFLICT (id) DO UPDATE SET (scopes, state, updated_at, changed, newest) = \
               (excluded.scopes, excluded.state, excluded.updated_at, excluded.changed, excluded.newest)";
    super::store(connection, sql, rows).await
}
