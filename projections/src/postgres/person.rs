//! People: row, fold and reads.

use std::collections::HashMap;

use events::person::{Identity, PersonEvent};
use events::sealed::Field;
use events::{EventId, Recorded, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::page::List;
use super::text::{Texts, string};
use super::{Page, PageQuery, Pool, ReadModelError};

/// A person as their events tell.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PersonRow {
    pub id: UserId,
    pub state: PersonState,
    /// `null`: not known, or forgotten; so is the name, and the picture.
    pub email: Option<String>,
    pub email_verified: bool,
    pub name: Option<String>,
    pub picture: Option<String>,
    pub identities: Vec<Identity>,
    pub signed_out_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Sequence of the event that added the person.
    pub created: u64,
    /// Sequence of the newest event that changed it.
    pub changed: u64,
    /// The newest event, which the next one must say that it follows.
    pub newest: EventId,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PersonState {
    Active,
    Suspended,
    /// For ever.
    Ended,
    /// Ended, and nothing is known of them any more.
    Forgotten,
}

/// The row after an event; the row as it was when the event changes nothing.
pub fn fold(
    row: Option<PersonRow>,
    id: UserId,
    event: &PersonEvent,
    recorded: &Recorded,
    texts: &Texts,
) -> Option<PersonRow> {
    let (sequence, time) = (recorded.position.sequence, recorded.envelope.time);
    let Some(mut row) = row else {
        let PersonEvent::Added(added) = event else { return None };
        return Some(PersonRow {
            id,
            state: PersonState::Active,
            email: string(texts, Field::Email),
            email_verified: added.email_verified,
            name: string(texts, Field::Name),
            picture: string(texts, Field::Picture),
            identities: vec![added.identity],
            signed_out_at: None,
            created_at: time,
            updated_at: time,
            created: sequence,
            changed: sequence,
            newest: recorded.envelope.id,
        });
    };
    row.newest = recorded.envelope.id;
    let ended = matches!(row.state, PersonState::Ended | PersonState::Forgotten);
    match event {
        PersonEvent::Added(_) => return Some(row),
        PersonEvent::Forgotten(_) => {
            row.state = PersonState::Forgotten;
            (row.email, row.name, row.picture) = (None, None, None);
        }
        PersonEvent::Ended(_) if row.state != PersonState::Forgotten => row.state = PersonState::Ended,
        // For ever, whatever the log says afterwards.
        _ if ended => return Some(row),
        PersonEvent::Ended(_) => {}
        PersonEvent::IdentityAdded(it) => {
            if !row.identities.contains(&it.identity) {
                row.identities.push(it.identity);
                row.identities.sort_unstable();
            }
        }
        PersonEvent::IdentityRemoved(it) => row.identities.retain(|own| *own != it.identity),
        PersonEvent::ProfileChanged(it) => {
            row.email = string(texts, Field::Email);
            row.email_verified = it.email_verified;
            row.name = string(texts, Field::Name);
            row.picture = string(texts, Field::Picture);
        }
        PersonEvent::Suspended(_) => row.state = PersonState::Suspended,
        PersonEvent::Resumed(_) => row.state = PersonState::Active,
        PersonEvent::SignedOut(_) => row.signed_out_at = Some(time),
    }
    row.updated_at = time;
    row.changed = sequence;
    Some(row)
}

pub async fn get(pool: &Pool, id: UserId) -> Result<Option<PersonRow>, ReadModelError> {
    let row: Option<Json<_>> = sqlx::query_scalar("SELECT to_jsonb(p) FROM people p WHERE id = $1")
        .bind(id.uuid())
        .fetch_optional(pool.inner())
        .await?;
    Ok(row.map(|Json(row)| row))
}

/// Everybody, newest first, those who are ended included.
pub async fn list(pool: &Pool, query: &PageQuery) -> Result<Page<PersonRow>, ReadModelError> {
    let (_, before) = query.after(List::People)?.unwrap_or((0, i64::MAX));
    let rows: Vec<Json<PersonRow>> =
        sqlx::query_scalar(LIST).bind(before).bind(query.fetch()).fetch_all(pool.inner()).await?;
    let rows = rows.into_iter().map(|Json(row)| row).collect();
    Ok(Page::of(rows, query, List::People, |row: &PersonRow| (0, row.created.cast_signed())))
}

pub(super) const LIST: &str =
    "SELECT to_jsonb(p) FROM people p WHERE created < $1 ORDER BY created DESC LIMIT $2";

pub(crate) async fn load(
    connection: &mut PgConnection,
    ids: Vec<UserId>,
) -> Result<HashMap<UserId, PersonRow>, sqlx::Error> {
    let sql = "SELECT to_jsonb(p) FROM people p WHERE id = ANY($1)";
    let ids = ids.into_iter().map(UserId::uuid).collect();
    let rows: Vec<PersonRow> = super::load(connection, sql, ids).await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

pub(crate) async fn store(connection: &mut PgConnection, rows: &[PersonRow]) -> Result<(), sqlx::Error> {
    let sql = "INSERT INTO people SELECT * FROM jsonb_populate_recordset(NULL::people, $1) \
               ON CONFLICT (id) DO UPDATE SET (state, email, email_verified, name, picture, identities, \
               signed_out_at, updated_at, changed, newest) = (excluded.state, excluded.email, \
               excluded.email_verified, excluded.name, excluded.picture, excluded.identities, \
               excluded.signed_out_at, excluded.updated_at, excluded.changed, excluded.newest)";
    super::store(connection, sql, rows).await
}
