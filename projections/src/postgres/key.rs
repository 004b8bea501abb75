//! API keys: row, fold and reads. No digest: nothing here helps to guess a key.

use std::collections::HashMap;

use events::deep::Deep;
use events::key::{Environment, KeyEvent, KeyOwner};
use events::sealed::Field;
use events::{Actor, EventId, KeyId, Owner, Recorded, ScopeSet, SecretId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::PgConnection;
use sqlx::types::Json;

use super::page::List;
use super::text::{Texts, string};
use super::{Page, PageQuery, Pool, ReadModelError, column};

/// A key as its events tell.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KeyRow {
    pub id: KeyId,
    pub owner: Owner,
    pub secret_id: SecretId,
    pub key_owner: KeyOwner,
    pub environment: Environment,
    pub prefix: String,
    pub last_four: String,
    pub state: KeyState,
    pub not_before: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
    pub scopes: ScopeSet,
    pub issued_by: Actor,
    /// `null`: forgotten.
    pub name: Option<String>,
    /// An object; `null`: none, or forgotten.
    pub metadata: Option<Value>,
    /// Why it was disabled or revoked; `null`: nobody said, or forgotten.
    pub reason: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
    /// Sequence of the event that issued it.
    pub created: u64,
    /// Sequence of the newest event that changed it.
    pub changed: u64,
    /// The newest event, which the next one must say that it follows.
    pub newest: EventId,
}

events::named! {
    /// What the events say; whether it has expired is the clock's to tell.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum KeyState {
        Active = "active",
        Disabled = "disabled",
        /// For ever.
        Revoked = "revoked",
    }
}

/// The row after an event; the row as it was when the event changes nothing.
pub fn fold(
    row: Option<KeyRow>,
    id: KeyId,
    event: &KeyEvent,
    recorded: &Recorded,
    texts: &Texts,
) -> Option<KeyRow> {
    let (sequence, time) = (recorded.position.sequence, recorded.envelope.time);
    let owner = recorded.envelope.subject.owner;
    let Some(mut row) = row else {
        return match event {
            KeyEvent::Issued(issued) => Some(KeyRow {
                id,
                owner,
                secret_id: issued.secret_id,
                key_owner: issued.owner.clone(),
                environment: issued.environment,
                prefix: issued.prefix.clone(),
                last_four: issued.last_four.clone(),
                state: KeyState::Active,
                not_before: issued.not_before,
                expires_at: issued.expires_at,
                scopes: issued.scopes.clone(),
                issued_by: issued.issued_by.clone(),
                name: string(texts, Field::Name),
                metadata: object(texts),
                reason: None,
                created_at: time,
                updated_at: time,
                revoked_at: None,
                created: sequence,
                changed: sequence,
                newest: recorded.envelope.id,
            }),
            KeyEvent::Revoked(_)
            | KeyEvent::Disabled(_)
            | KeyEvent::Enabled(_)
            | KeyEvent::ExpiryChanged(_)
            | KeyEvent::Renamed(_)
            | KeyEvent::ScopesChanged(_)
            | KeyEvent::MetadataChanged(_) => None,
        };
    };
    if row.owner != owner {
        return Some(row);
    }
    row.newest = recorded.envelope.id;
    match event {
        KeyEvent::Issued(_) => return Some(row),
        // The first one's reason stands; a second one's is in the history.
        KeyEvent::Revoked(_) => {
            if row.state != KeyState::Revoked || row.reason.is_none() {
                row.reason = string(texts, Field::Reason);
            }
            row.state = KeyState::Revoked;
            row.revoked_at = row.revoked_at.or(Some(time));
        }
        KeyEvent::Disabled(_) | KeyEvent::Enabled(_) if row.state == KeyState::Revoked => return Some(row),
        KeyEvent::Disabled(_) => {
            row.state = KeyState::Disabled;
            row.reason = string(texts, Field::Reason);
        }
        KeyEvent::Enabled(_) => {
            row.state = KeyState::Active;
            row.reason = None;
        }
        KeyEvent::ExpiryChanged(changed) => row.expires_at = changed.expires_at,
        KeyEvent::Renamed(_) => row.name = string(texts, Field::Name),
        KeyEvent::ScopesChanged(changed) => row.scopes = changed.scopes.clone(),
        KeyEvent::MetadataChanged(_) => row.metadata = object(texts),
    }
    row.updated_at = time;
    row.changed = sequence;
    Some(row)
}

fn object(texts: &Texts) -> Option<Value> {
    texts.get(&Field::Metadata).filter(|value| value.is_object()).cloned()
}

/// A key of this owner; `None` also for another's.
pub async fn get(pool: &Pool, owner: Owner, id: KeyId) -> Result<Option<KeyRow>, ReadModelError> {
    let row: Option<Json<Deep<_>>> =
        sqlx::query_scalar("SELECT to_jsonb(k) FROM keys k WHERE id = $1 AND owner = $2")
            .bind(id.uuid())
            .bind(owner.to_string())
            .fetch_optional(pool.inner())
            .await?;
    Ok(row.map(|Json(Deep(row))| row))
}

/// An owner's keys, newest first, revoked ones included.
pub async fn list(pool: &Pool, owner: Owner, query: &PageQuery) -> Result<Page<KeyRow>, ReadModelError> {
    let (_, before) = query.after(List::Keys)?.unwrap_or((0, i64::MAX));
    let rows: Vec<Json<Deep<KeyRow>>> = sqlx::query_scalar(LIST)
        .bind(owner.to_string())
        .bind(before)
        .bind(query.fetch())
        .fetch_all(pool.inner())
        .await?;
    let rows = rows.into_iter().map(|Json(Deep(row))| row).collect();
    Ok(Page::of(rows, query, List::Keys, |row: &KeyRow| (0, row.created.cast_signed())))
}

pub(super) const LIST: &str =
    "SELECT to_jsonb(k) FROM keys k WHERE owner = $1 AND created < $2 ORDER BY created DESC LIMIT $3";

pub(crate) async fn load(
    connection: &mut PgConnection,
    ids: Vec<KeyId>,
) -> Result<HashMap<KeyId, KeyRow>, sqlx::Error> {
    let ids = ids.into_iter().map(KeyId::uuid).collect();
    let rows: Vec<Deep<KeyRow>> =
        super::load(connection, "SELECT to_jsonb(k) FROM keys k WHERE id = ANY($1)", ids).await?;
    Ok(rows.into_iter().map(|Deep(row)| (row.id, row)).collect())
}

/// One array a column: PostgreSQL takes them in half the time of JSON.
pub(crate) async fn store(connection: &mut PgConnection, rows: &[KeyRow]) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(STORE)
        .bind(column(rows, |row| row.id.uuid()))
        .bind(column(rows, |row| row.owner.to_string()))
        .bind(column(rows, |row| row.secret_id.uuid()))
        .bind(column(rows, |row| Json(&row.key_owner)))
        .bind(column(rows, |row| row.environment.as_str()))
        .bind(column(rows, |row| row.prefix.as_str()))
        .bind(column(rows, |row| row.last_four.as_str()))
        .bind(column(rows, |row| row.state.as_str()))
        .bind(column(rows, |row| row.not_before.map(Timestamp::date_time)))
        .bind(column(rows, |row| row.expires_at.map(Timestamp::date_time)))
        .bind(column(rows, |row| row.scopes.to_string()))
        .bind(column(rows, |row| row.issued_by.to_string()))
        .bind(column(rows, |row| row.name.as_deref()))
        .bind(column(rows, |row| row.metadata.as_ref().map(Json)))
        .bind(column(rows, |row| row.reason.as_deref()))
        .bind(column(rows, |row| row.created_at.date_time()))
        .bind(column(rows, |row| row.updated_at.date_time()))
        .bind(column(rows, |row| row.revoked_at.map(Timestamp::date_time)))
        .bind(column(rows, |row| row.created.cast_signed()))
        .bind(column(rows, |row| row.changed.cast_signed()))
        .bind(column(rows, |row| row.newest.uuid()))
        .execute(connection)
        .await?;
    Ok(())
}

/// Arrays of unequal lengths are none to PostgreSQL, so scopes pass with spaces between them, which none has inside.
const STORE: &str = "INSERT INTO keys (id, owner, secret_id, key_owner, environment, prefix, last_four, state, \
         not_before, expires_at, scopes, issued_by, name, metadata, reason, created_at, updated_at, revoked_at, \
         created, changed, newest) \
     SELECT id, owner, secret_id, key_owner, environment, prefix, last_four, state, \
         not_before, expires_at, string_to_array(scopes, ' '), issued_by, name, metadata, reason, created_at, \
         updated_at, revoked_at, created, changed, newest \
     FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::jsonb[], $5::text[], $6::text[], $7::text[], $8::text[], \
         $9::timestamptz[], $10::timestamptz[], $11::text[], $12::text[], $13::text[], $14::jsonb[], $15::text[], \
         $16::timestamptz[], $17::timestamptz[], $18::timestamptz[], $19::bigint[], $20::bigint[], $21::uuid[]) \
         AS row (id, owner, secret_id, key_owner, environment, prefix, last_four, state, \
         not_before, expires_at, scopes, issued_by, name, metadata, reason, created_at, updated_at, revoked_at, \
         created, changed, newest) \
     ON CONFLICT (id) DO UPDATE SET \
         (state, expires_at, scopes, name, metadata, reason, updated_at, revoked_at, changed, newest) = \
         (excluded.state, excluded.expires_at, excluded.scopes, excluded.name, excluded.metadata, \
         excluded.reason, excluded.updated_at, excluded.revoked_at, excluded.changed, excluded.newest)";
