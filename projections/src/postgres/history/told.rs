//! What a reader of events wants beside each: names beside ids, and what stood there before a change.

use std::collections::HashMap;

use events::deep::Deep;
use events::{AggregateType, Owner};
use serde_json::{Map, Value};
use sqlx::types::Json;
use uuid::Uuid;

use super::EventRow;
use crate::postgres::names::{Ids, Names};
use crate::postgres::{Page, Pool, ReadModelError};

/// An event, and what is said beside it.
#[derive(Clone, PartialEq, Debug)]
pub struct Told {
    pub row: EventRow,
    /// What the key that did it is called now, where that is the reader's to know; `None`: forgotten as well.
    pub actor_name: Option<String>,
    /// What that which it happened to is called now.
    pub name: Option<String>,
    /// The slug of the organization that it happened in.
    pub organization: Option<String>,
    /// What stood there before, by member of what was changed; `null`: nothing, or it is forgotten. A member is
    /// missing where [`EARLIER`] events of the same object do not tell.
    pub before: Map<String, Value>,
}

/// How many earlier events of an object are looked through.
const EARLIER: i64 = 200;

impl Page<EventRow> {
    /// With what is said beside each.
    pub async fn told(self, pool: &Pool, reader: Owner) -> Result<Page<Told>, ReadModelError> {
        Ok(Page { items: told(pool, reader, self.items).await?, next: self.next })
    }
}

/// What is said beside these, for a reader of this owner: an organization's knows its own keys by name alone.
pub async fn told(pool: &Pool, reader: Owner, rows: Vec<EventRow>) -> Result<Vec<Told>, ReadModelError> {
    let mut ids = Ids::of_actors(rows.iter().map(|row| &row.actor));
    for row in &rows {
        if let Some(id) = row.id() {
            ids.push(&row.aggregate_type, id);
        }
        if let Some(organization) = row.organization() {
            ids.push(&AggregateType::Organization, organization);
        }
    }
    let names = Names::read(pool, reader, ids).await?;
    let mut before = before(pool, &rows).await?;
    let told = |row: EventRow| Told {
        actor_name: names.of_actor(&row.actor),
        name: row.id().and_then(|id| names.of(id)),
        organization: row.organization().and_then(|id| names.slug(id)),
        before: before.remove(&row.sequence.cast_signed()).unwrap_or_default(),
        row,
    };
    Ok(rows.into_iter().map(told).collect())
}

impl EventRow {
    /// The organization that it happened in or to.
    pub fn organization(&self) -> Option<Uuid> {
        let owned = self.owner.organization().map(|id| id.uuid());
        owned.or_else(|| self.id().filter(|_| self.aggregate_type == AggregateType::Organization))
    }

    fn id(&self) -> Option<Uuid> {
        self.aggregate_id.as_str().parse().ok()
    }
}

/// The event that first says what such a change changes, and the members of it, of those that it gives.
fn changes<'a>(kind: &str, given: impl Iterator<Item = &'a str>) -> Option<(&'static str, Vec<&'a str>)> {
    match kind {
        "organization.renamed" => Some(("organization.created", vec!["name"])),
        "server.changed" => Some(("server.registered", given.collect())),
        "webhook.changed" => Some(("webhook.registered", given.collect())),
        "client.changed" => Some(("client.registered", given.collect())),
        "issuer.changed" => Some(("issuer.registered", vec!["settings", "enabled"])),
        "issuer.renamed" => Some(("issuer.registered", vec!["name"])),
        "person.profile_changed" => {
            Some(("person.added", vec!["email", "email_verified", "name", "picture"]))
        }
        "member.changed" => Some(("member.added", vec!["role", "scopes"])),
        "key.renamed" => Some(("key.issued", vec!["name"])),
        "key.metadata_changed" => Some(("key.issued", vec!["metadata"])),
        "key.scopes_changed" => Some(("key.issued", vec!["scopes"])),
        "key.expiry_changed" => Some(("key.issued", vec!["expires_at"])),
        _ => None,
    }
}

/// Changes that leave out what stays as it was; any other says all of it.
const IN_PART: [&str; 3] = ["server.changed", "webhook.changed", "client.changed"];

fn given(row: &EventRow) -> impl Iterator<Item = &str> {
    row.data.keys().chain(row.texts.keys()).map(String::as_str)
}

async fn before(pool: &Pool, rows: &[EventRow]) -> Result<HashMap<i64, Map<String, Value>>, ReadModelError> {
    let changes: Vec<_> = rows
        .iter()
        .filter_map(|row| Some((row, changes(&row.kind, given(row))?)))
        .flat_map(|(row, (first, members))| members.into_iter().map(move |member| (row, first, member)))
        .collect();
    let mut found = HashMap::<_, Map<_, _>>::new();
    if changes.is_empty() {
        return Ok(found);
    }
    let of = |what: fn(&EventRow) -> String| changes.iter().map(|(row, ..)| what(row)).collect::<Vec<_>>();
    let values: Vec<(i64, String, Json<Deep<Value>>)> = sqlx::query_as(BEFORE)
        .bind(changes.iter().map(|(row, ..)| row.sequence.cast_signed()).collect::<Vec<_>>())
        .bind(of(|row| row.owner.to_string()))
        .bind(of(|row| row.aggregate_type.to_string()))
        .bind(of(|row| row.aggregate_id.to_string()))
        .bind(of(|row| row.kind.clone()))
        .bind(changes.iter().map(|(_, first, _)| *first).collect::<Vec<_>>())
        .bind(changes.iter().map(|(.., member)| *member).collect::<Vec<_>>())
        .bind(IN_PART.as_slice())
        .bind(EARLIER)
        .fetch_all(pool.inner())
        .await?;
    for (sequence, member, Json(Deep(value))) in values {
        found.entry(sequence).or_default().insert(member, value);
    }
    Ok(found)
}

pub(in crate::postgres) const BEFORE: &str = "SELECT c.sequence, c.member, before.value \
     FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[]) \
         AS c(sequence, owner, aggregate_type, aggregate_id, kind, first, member) \
     CROSS JOIN LATERAL ( \
         SELECT coalesce(h.texts -> c.member, h.data -> c.member, 'null') AS value \
         FROM (SELECT * FROM history WHERE owner = c.owner AND aggregate_type = c.aggregate_type \
                   AND aggregate_id = c.aggregate_id AND sequence < c.sequence \
               ORDER BY sequence DESC LIMIT $9) h \
         WHERE h.kind = c.first OR (h.kind = c.kind AND (c.kind <> ALL($8) OR h.data ? c.member OR h.texts ? c.member)) \
         ORDER BY h.sequence DESC LIMIT 1) before";

#[cfg(test)]
mod tests {
    use events::Event;

    use super::*;

    /// A new kind of change that nobody thought of here would show nothing of what was before.
    #[test]
    fn every_change_tells_what_was_before() {
        for (kind, _) in Event::WRITTEN {
            if kind.ends_with("changed") || kind.ends_with("renamed") {
                assert!(changes(kind, std::iter::empty()).is_some(), "nobody knows what {kind} changes");
            }
        }
    }
}
