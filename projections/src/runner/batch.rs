//! One batch of the log in one transaction: the checkpoint's fence first, then rows and what is parked.

use std::collections::HashSet;
use std::sync::Arc;

use events::{Owner, Recorded};
use sqlx::PgConnection;

use super::fold;
use super::reader::Message;
use crate::Projection;
use crate::checkpoint::{self, Checkpoint};
use crate::parked::{self, ParkedEvent};
use crate::postgres::text::Texts;
use crate::postgres::{EventRow, Pool};

/// A message of the log, made ready to be stored.
#[derive(Debug)]
pub(super) struct Item {
    pub message: Arc<Message>,
    pub what: What,
}

#[derive(Debug)]
pub(super) enum What {
    Event(Box<Readable>),
    Parked(Box<ParkedEvent>),
    /// Not this projection's matter, or no event.
    PassedOver,
}

/// An event as a projection takes it in.
#[derive(Debug)]
pub(super) struct Readable {
    pub recorded: Box<Recorded>,
    pub texts: Texts,
    /// In the history alone.
    pub row: Option<EventRow>,
}

impl Readable {
    /// Whether its object says that it is this owner's.
    pub(super) fn is_of(&self, owner: Owner) -> bool {
        self.recorded.envelope.subject.owner == owner
    }
}

impl Item {
    fn event(&self) -> Option<&Readable> {
        match &self.what {
            What::Event(event) => Some(event),
            What::Parked(_) | What::PassedOver => None,
        }
    }
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

/// What became of an aggregate's parked events.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unparked {
    /// So many, the first ones.
    TakenIn(usize),
    /// More of its events wait than were told: nothing was taken in.
    MoreWait,
    /// The first of them follows another event than it says, and always will.
    OutOfPlace,
    /// The checkpoint was not where it had been left.
    Fenced,
}

/// Stores the items, all or none.
pub(super) async fn store(
    pool: &Pool,
    projection: Projection,
    from: Option<&Checkpoint>,
    to: Checkpoint,
    items: &[Item],
) -> Result<Outcome, sqlx::Error> {
    // A commit that a crash of the database takes back takes its checkpoint back with it: it is done again from the log,
    // and nothing has to wait for the disk.
    let mut transaction = pool.inner().begin_with("BEGIN; SET LOCAL synchronous_commit = off").await?;
    if !checkpoint::advance(&mut transaction, projection, from, &to).await? {
        return Ok(Outcome::Fenced);
    }
    let (events, mut parked) = sort_out(&mut transaction, projection, items).await?;
    parked.extend(fold::store(&mut transaction, projection, &events).await?);
    parked::store(&mut transaction, projection, &parked).await?;
    transaction.commit().await?;
    Ok(Outcome::Stored { to, parked: parked.len() })
}

/// Takes in an aggregate's parked events, up to the first that waits for good; `waiting` of them stay after these.
pub(super) async fn unpark(
    pool: &Pool,
    projection: Projection,
    at: &Checkpoint,
    subject: &str,
    items: &[Item],
    waiting: usize,
) -> Result<Unparked, sqlx::Error> {
    let mut transaction = pool.inner().begin().await?;
    if !checkpoint::hold(&mut transaction, projection, at).await? {
        return Ok(Unparked::Fenced);
    }
    let sequences: Vec<i64> = items.iter().map(|item| item.message.stored.sequence.cast_signed()).collect();
    if parked::remove(&mut transaction, projection, subject, &sequences).await? > waiting as u64 {
        return Ok(Unparked::MoreWait);
    }
    let events: Vec<_> = items.iter().filter_map(Item::event).collect();
    let parked = fold::store(&mut transaction, projection, &events).await?;
    if parked.len() == items.len() {
        return Ok(Unparked::OutOfPlace);
    }
    parked::store(&mut transaction, projection, &parked).await?;
    transaction.commit().await?;
    Ok(Unparked::TakenIn(items.len() - parked.len()))
}

/// What is stored as it is, and what waits: unreadable events and all that follows of their aggregates.
async fn sort_out<'a>(
    connection: &mut PgConnection,
    projection: Projection,
    items: &'a [Item],
) -> Result<(Vec<&'a Readable>, Vec<ParkedEvent>), sqlx::Error> {
    let mut closed = HashSet::new();
    if parked::any(connection, projection).await? {
        closed = parked::among(connection, projection, &subjects(items)).await?;
    }
    let (mut events, mut parked) = (Vec::new(), Vec::new());
    for item in items {
        match &item.what {
            What::Event(event) => {
                if !closed.is_empty() && closed.contains(&event.recorded.envelope.subject.to_string()) {
                    parked.push(follows(&event.recorded));
                } else {
                    events.push(&**event);
                }
            }
            What::Parked(event) => {
                closed.insert(event.subject.to_string());
                parked.push((**event).clone());
            }
            What::PassedOver => {}
        }
    }
    Ok((events, parked))
}

/// Which aggregates the events are about.
fn subjects(items: &[Item]) -> Vec<String> {
    let subjects: HashSet<String> = items
        .iter()
        .filter_map(|item| match &item.what {
            What::Event(event) => Some(event.recorded.envelope.subject.to_string()),
            What::Parked(_) | What::PassedOver => None,
        })
        .collect();
    subjects.into_iter().collect()
}

/// A readable event of an aggregate that waits.
pub(super) fn follows(recorded: &Recorded) -> ParkedEvent {
    park(recorded, "follows a parked event of its aggregate".to_owned())
}

/// A readable event that can't be stored.
pub(super) fn park(recorded: &Recorded, reason: String) -> ParkedEvent {
    let envelope = &recorded.envelope;
    ParkedEvent {
        sequence: recorded.position.sequence,
        subject: envelope.subject.clone(),
        event: Some(envelope.id),
        kind: Some(envelope.kind.to_string()),
        schema_version: Some(envelope.schema_version),
        stored_at: recorded.stored_at,
        reason,
        for_good: false,
    }
    .storable()
}
