//! One batch of the log in one transaction: the checkpoint's fence first, then rows, history and what is parked.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use events::key::KeyEvent;
use events::organization::OrganizationEvent;
use events::server::ServerEvent;
use events::{Event, KeyId, OrganizationId, Owner, Recorded, ServerId, Timestamp};
use sqlx::PgConnection;

use crate::checkpoint::{self, Checkpoint};
use crate::parked::{self, ParkedEvent};
use crate::postgres::text::Texts;
use crate::postgres::{EventRow, Pool, history, key, organization, server};

/// A message of the log, made ready to be stored.
#[derive(Debug)]
pub(super) struct Item {
    pub sequence: u64,
    pub stored_at: Timestamp,
    pub what: What,
}

#[derive(Debug)]
pub(super) enum What {
    Event { recorded: Box<Recorded>, texts: Texts, row: Box<EventRow> },
    Parked(Box<ParkedEvent>),
    Foreign,
}

/// What became of a batch.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Stored {
        to: Checkpoint,
        parked: usize,
    },
    /// The checkpoint was not where it had been left: nothing is stored.
    Fenced,
}

/// Stores the items, all or none.
pub(super) async fn store(
    pool: &Pool,
    from: Option<&Checkpoint>,
    to: Checkpoint,
    items: &[Item],
) -> Result<Outcome, sqlx::Error> {
    let mut transaction = pool.inner().begin().await?;
    if !checkpoint::advance(&mut transaction, from, &to).await? {
        return Ok(Outcome::Fenced);
    }
    let (events, parked) = sort_out(&mut transaction, items).await?;
    let rows: Vec<&EventRow> = events.iter().map(|event| event.row).collect();
    history::store(&mut transaction, &rows).await?;
    fold(&mut transaction, &events).await?;
    parked::store(&mut transaction, &parked).await?;
    transaction.commit().await?;
    Ok(Outcome::Stored { to, parked: parked.len() })
}

/// Takes in an aggregate's parked events, all or none. False: the checkpoint was not where it had been left.
/// Nothing is taken in while more of its events wait.
pub(super) async fn unpark(
    pool: &Pool,
    at: &Checkpoint,
    subject: &str,
    items: &[Item],
) -> Result<bool, sqlx::Error> {
    let mut transaction = pool.inner().begin().await?;
    if !checkpoint::hold(&mut transaction, at).await? {
        return Ok(false);
    }
    let sequences: Vec<i64> = items.iter().map(|item| item.sequence.cast_signed()).collect();
    if parked::remove(&mut transaction, subject, &sequences).await? > 0 {
        return Ok(true);
    }
    let (events, _) = sort_out(&mut transaction, items).await?;
    let rows: Vec<&EventRow> = events.iter().map(|event| event.row).collect();
    history::store(&mut transaction, &rows).await?;
    fold(&mut transaction, &events).await?;
    transaction.commit().await?;
    Ok(true)
}

struct Readable<'a> {
    recorded: &'a Recorded,
    texts: &'a Texts,
    row: &'a EventRow,
}

/// What is stored as it is, and what waits: unreadable events and all that follows of their aggregates.
async fn sort_out<'a>(
    connection: &mut PgConnection,
    items: &'a [Item],
) -> Result<(Vec<Readable<'a>>, Vec<ParkedEvent>), sqlx::Error> {
    let subjects: HashSet<String> = items
        .iter()
        .filter_map(|item| match &item.what {
            What::Event { recorded, .. } => Some(recorded.envelope.subject.to_string()),
            What::Parked(_) | What::Foreign => None,
        })
        .collect();
    let subjects: Vec<String> = subjects.into_iter().collect();
    let mut closed = parked::among(connection, &subjects).await?;
    let (mut events, mut parked) = (Vec::new(), Vec::new());
    for item in items {
        match &item.what {
            What::Event { recorded, texts, row } => {
                if closed.contains(&recorded.envelope.subject.to_string()) {
                    parked.push(follows(recorded));
                } else {
                    events.push(Readable { recorded, texts, row });
                }
            }
            What::Parked(event) => {
                closed.insert(event.subject.to_string());
                parked.push((**event).clone());
            }
            What::Foreign => {}
        }
    }
    Ok((events, parked))
}

/// A readable event of an aggregate that waits.
fn follows(recorded: &Recorded) -> ParkedEvent {
    park(recorded, "follows a parked event of its aggregate".to_owned())
}

/// A readable event that can't be stored.
pub(super) fn park(recorded: &Recorded, reason: String) -> ParkedEvent {
    let envelope = &recorded.envelope;
    ParkedEvent {
        sequence: recorded.position.sequence,
        subject: envelope.subject.clone(),
        event: envelope.id,
        kind: envelope.kind.to_string(),
        schema_version: envelope.schema_version,
        stored_at: recorded.stored_at,
        reason,
    }
    .storable()
}

/// What an event is about, when the read models have a row for it.
enum Target<'a> {
    Organization(OrganizationId, &'a OrganizationEvent),
    Server(ServerId, &'a ServerEvent),
    Key(KeyId, &'a KeyEvent),
}

fn target<'a>(event: &Readable<'a>) -> Option<Target<'a>> {
    let subject = &event.recorded.envelope.subject;
    let id = &subject.aggregate_id;
    match (&event.recorded.event, subject.owner) {
        (Event::Organization(event), Owner::Installation) => {
            Some(Target::Organization(id.try_into().ok()?, event))
        }
        (Event::Server(event), Owner::Organization(_)) => Some(Target::Server(id.try_into().ok()?, event)),
        (Event::Key(event), _) => Some(Target::Key(id.try_into().ok()?, event)),
        (Event::Organization(_), Owner::Organization(_))
        | (Event::Server(_), Owner::Installation)
        | (Event::Installation(_) | Event::Slug(_), _) => None,
    }
}

/// The rows that the events are about are loaded, changed and stored.
async fn fold(connection: &mut PgConnection, events: &[Readable<'_>]) -> Result<(), sqlx::Error> {
    let Some(first) = events.first().map(|event| event.recorded.position.sequence) else { return Ok(()) };
    let (mut organizations, mut servers, mut keys) = (HashSet::new(), HashSet::new(), HashSet::new());
    for event in events {
        match target(event) {
            Some(Target::Organization(id, _)) => drop(organizations.insert(id)),
            Some(Target::Server(id, _)) => drop(servers.insert(id)),
            Some(Target::Key(id, _)) => drop(keys.insert(id)),
            None => {}
        }
    }
    let mut organizations = organization::load(connection, organizations.into_iter().collect()).await?;
    let mut servers = server::load(connection, servers.into_iter().collect()).await?;
    let mut keys = key::load(connection, keys.into_iter().collect()).await?;
    for Readable { recorded, texts, row } in events {
        match target(&Readable { recorded, texts, row }) {
            Some(Target::Organization(id, event)) => {
                step(&mut organizations, id, |row| organization::fold(row, id, event, recorded, texts));
            }
            Some(Target::Server(id, event)) => {
                step(&mut servers, id, |row| server::fold(row, id, event, recorded, texts));
            }
            Some(Target::Key(id, event)) => {
                step(&mut keys, id, |row| key::fold(row, id, event, recorded, texts));
            }
            None => {}
        }
    }
    let organizations: Vec<_> = organizations.into_values().filter(|row| row.changed >= first).collect();
    organization::store(connection, &organizations).await?;
    let servers: Vec<_> = servers.into_values().filter(|row| row.changed >= first).collect();
    server::store(connection, &servers).await?;
    let keys: Vec<_> = keys.into_values().filter(|row| row.changed >= first).collect();
    key::store(connection, &keys).await
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
