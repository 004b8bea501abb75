//! From events to rows, projection by projection: rows are loaded, changed and stored.

use std::collections::HashMap;
use std::hash::Hash;

use events::organization::OrganizationEvent;
use events::{AggregateId, Event, KeyId, OrganizationId, ServerId};
use sqlx::PgConnection;

use super::batch::Readable;
use crate::Projection;
use crate::forgotten;
use crate::postgres::{EventRow, history, key, organization, server};

/// Stores what the events make of a projection's rows.
pub(super) async fn store(
    connection: &mut PgConnection,
    projection: Projection,
    events: &[&Readable],
) -> Result<(), sqlx::Error> {
    match projection {
        Projection::Organizations => organizations(connection, events).await?,
        Projection::Servers => servers(connection, events).await?,
        Projection::Keys => keys(connection, events).await?,
        Projection::History => {
            let rows: Vec<&EventRow> = events.iter().filter_map(|event| event.row.as_ref()).collect();
            history::store(connection, &rows).await?;
        }
    }
    forgotten::forget(connection, projection, &forgotten(events)).await
}

/// The organizations that the events forget. What follows them has no texts any more, so it may be stored before.
fn forgotten(events: &[&Readable]) -> Vec<(OrganizationId, u64)> {
    about::<OrganizationId, _>(events, Event::as_organization)
        .into_iter()
        .filter(|(_, event, _)| matches!(event, OrganizationEvent::Forgotten(_)))
        .map(|(id, _, it)| (id, it.recorded.position.sequence))
        .collect()
}

async fn organizations(connection: &mut PgConnection, events: &[&Readable]) -> Result<(), sqlx::Error> {
    let about = about::<OrganizationId, _>(events, Event::as_organization);
    let mut rows = organization::load(connection, ids(&about)).await?;
    for (id, event, it) in about {
        step(&mut rows, id, |row| organization::fold(row, id, event, &it.recorded, &it.texts));
    }
    let rows: Vec<_> = rows.into_values().filter(|row| row.changed >= first(events)).collect();
    organization::store(connection, &rows).await
}

async fn servers(connection: &mut PgConnection, events: &[&Readable]) -> Result<(), sqlx::Error> {
    let about = about::<ServerId, _>(events, Event::as_server);
    let mut rows = server::load(connection, ids(&about)).await?;
    for (id, event, it) in about {
        step(&mut rows, id, |row| server::fold(row, id, event, &it.recorded, &it.texts));
    }
    let rows: Vec<_> = rows.into_values().filter(|row| row.changed >= first(events)).collect();
    server::store(connection, &rows).await
}

async fn keys(connection: &mut PgConnection, events: &[&Readable]) -> Result<(), sqlx::Error> {
    let about = about::<KeyId, _>(events, Event::as_key);
    let mut rows = key::load(connection, ids(&about)).await?;
    for (id, event, it) in about {
        step(&mut rows, id, |row| key::fold(row, id, event, &it.recorded, &it.texts));
    }
    let mut rows: Vec<_> = rows.into_values().filter(|row| row.changed >= first(events)).collect();
    // Those of one list lie beside one another.
    rows.sort_unstable_by_key(|row| row.created);
    key::store(connection, &rows).await
}

/// Events of one noun, each with the id of what it is about.
fn about<'a, Id: TryFrom<&'a AggregateId>, Noun: 'a>(
    events: &[&'a Readable],
    noun: impl Fn(&'a Event) -> Option<&'a Noun>,
) -> Vec<(Id, &'a Noun, &'a Readable)> {
    let of = |it: &&'a Readable| {
        let id = Id::try_from(&it.recorded.envelope.subject.aggregate_id).ok()?;
        Some((id, noun(&it.recorded.event)?, *it))
    };
    events.iter().filter_map(of).collect()
}

fn ids<Id: Copy, Noun>(about: &[(Id, &Noun, &Readable)]) -> Vec<Id> {
    about.iter().map(|(id, ..)| *id).collect()
}

/// The sequence of the batch's first event: what changed before it needs no storing.
fn first(events: &[&Readable]) -> u64 {
    events.first().map_or(0, |event| event.recorded.position.sequence)
}

fn step<Id: Eq + Hash, Row>(
    rows: &mut HashMap<Id, Row>,
    id: Id,
    fold: impl FnOnce(Option<Row>) -> Option<Row>,
) {
    let row = rows.remove(&id);
    if let Some(row) = fold(row) {
        rows.insert(id, row);
    }
}
