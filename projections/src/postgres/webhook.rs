//! Webhooks: row, fold and reads. What they are sent is [`super::delivery`]'s.

use std::collections::HashMap;

use events::sealed::Field;
use events::webhook::{EventTypes, WebhookEvent, WebhookUrl};
use events::{EventId, Owner, Recorded, SecretId, Timestamp, WebhookId};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use super::page::List;
use super::text::{Texts, string};
use super::{Page, PageQuery, Pool, ReadModelError, owned};

/// A webhook as its events tell.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WebhookRow {
    pub id: WebhookId,
    pub owner: Owner,
    /// `null`: forgotten.
    pub name: Option<String>,
    /// `null`: forgotten.
    pub url: Option<WebhookUrl>,
    pub types: EventTypes,
    pub state: WebhookState,
    pub secret: SecretId,
    pub previous: Option<SecretId>,
    pub previous_until: Option<Timestamp>,
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
pub enum WebhookState {
    Active,
    Paused,
    /// For ever.
    Removed,
}

/// The row after an event; the row as it was when the event changes nothing.
pub fn fold(
    row: Option<WebhookRow>,
    id: WebhookId,
    event: &WebhookEvent,
    recorded: &Recorded,
    texts: &Texts,
) -> Option<WebhookRow> {
    let (sequence, time) = (recorded.position.sequence, recorded.envelope.time);
    let owner = recorded.envelope.subject.owner;
    let Some(mut row) = row else {
        let WebhookEvent::Registered(registered) = event else { return None };
        return Some(WebhookRow {
            id,
            owner,
            name: string(texts, Field::Name),
            url: url(texts),
            types: registered.types.clone(),
            state: WebhookState::Active,
            secret: registered.secret,
            previous: None,
            previous_until: None,
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
        WebhookEvent::Registered(_) => return Some(row),
        WebhookEvent::Changed(changed) => {
            if changed.name.is_some() {
                row.name = string(texts, Field::Name);
            }
            if changed.url.is_some() {
                row.url = url(texts);
            }
            if let Some(types) = &changed.types {
                row.types = types.clone();
            }
        }
        WebhookEvent::Paused(_) if row.state == WebhookState::Active => row.state = WebhookState::Paused,
        WebhookEvent::Resumed(_) if row.state == WebhookState::Paused => row.state = WebhookState::Active,
        WebhookEvent::Paused(_) | WebhookEvent::Resumed(_) => {}
        WebhookEvent::SecretRotated(rotated) => {
            row.previous = Some(row.secret);
            row.previous_until = Some(rotated.overlap_until);
            row.secret = rotated.secret;
        }
        WebhookEvent::OverlapEnded(_) => (row.previous, row.previous_until) = (None, None),
        WebhookEvent::Removed(_) => row.state = WebhookState::Removed,
    }
    row.updated_at = time;
    row.changed = sequence;
    Some(row)
}

/// Of a text that is no such URL nothing is kept: control seals no other.
fn url(texts: &Texts) -> Option<WebhookUrl> {
    string(texts, Field::Url).and_then(|text| text.parse().ok())
}

/// A webhook of this owner; `None` also for another's.
pub async fn get(pool: &Pool, owner: Owner, id: WebhookId) -> Result<Option<WebhookRow>, ReadModelError> {
    let sql = "SELECT to_jsonb(w) FROM webhooks w WHERE id = $1 AND owner = $2";
    owned::get(pool, sql, id.uuid(), owner.to_string()).await
}

/// An owner's webhooks, newest first, removed ones included.
pub async fn list(pool: &Pool, owner: Owner, query: &PageQuery) -> Result<Page<WebhookRow>, ReadModelError> {
    owned::list(pool, LIST, owner.to_string(), (List::Webhooks, query), |row: &WebhookRow| row.created).await
}

pub(super) const LIST: &str = "SELECT to_jsonb(w) FROM webhooks w WHERE owner = $1 AND created < $2 \
                               ORDER BY created DESC LIMIT $3";

/// How many of an owner's are not removed.
pub async fn count(pool: &Pool, owner: Owner) -> Result<u64, ReadModelError> {
    let sql = "SELECT count(*) FROM webhooks WHERE owner = $1 AND state <> 'removed'";
    let count: i64 = sqlx::query_scalar(sql).bind(owner.to_string()).fetch_one(pool.inner()).await?;
    Ok(count.cast_unsigned())
}

pub(crate) async fn load(
    connection: &mut PgConnection,
    ids: Vec<WebhookId>,
) -> Result<HashMap<WebhookId, WebhookRow>, sqlx::Error> {
    let sql = "SELECT to_jsonb(w) FROM webhooks w WHERE id = ANY($1)";
    let ids = ids.into_iter().map(WebhookId::uuid).collect();
    let rows: Vec<WebhookRow> = super::load(connection, sql, ids).await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

pub(crate) async fn store(connection: &mut PgConnection, rows: &[WebhookRow]) -> Result<(), sqlx::Error> {
    let sql = "INSERT INTO webhooks SELECT * FROM jsonb_populate_recordset(NULL::webhooks, $1) \
               ON CONFLICT (id) DO UPDATE SET (name, url, types, state, secret, previous, previous_until, \
               updated_at, changed, newest) = (excluded.name, excluded.url, excluded.types, excluded.state, \
               excluded.secret, excluded.previous, excluded.previous_until, excluded.updated_at, \
               excluded.changed, excluded.newest)";
    super::store(connection, sql, rows).await
}
