//! What is sent at once: as much as has happened, within the drain's bounds.

use std::sync::Arc;
use std::time::Duration;

use events::log::{Follower, Stored};
use events::position::Place;
use events::{LogId, Owner, Position, Read};
use futures::StreamExt;
use projections::forgotten;
use projections::postgres::place::Handed;
use projections::postgres::text::{self, Texts};

use super::format::Message;
use super::{Drain, DrainError};
use crate::order::Doubts;
use crate::record::Record;

/// What happens within this time after the first event of a batch goes with it.
const GATHERED: Duration = Duration::from_millis(100);

/// Messages to send, and how far they bring the drain.
pub(super) struct Batch {
    pub messages: Vec<Message>,
    /// The place of each, as it will be once it is taken.
    places: Vec<Handed>,
    /// What is passed over, as the configuration says.
    pub skipped: Vec<Position>,
    /// That of the last message that was read, sent or not.
    pub end: Handed,
}

impl Batch {
    /// The place once this one of its messages is taken.
    pub fn up_to(&self, message: &Message) -> Handed {
        let sequence = message.position.sequence;
        let found = self.places.iter().find(|place| place.sequence == sequence);
        found.unwrap_or(&self.end).clone()
    }
}

/// Reads the log for a drain.
pub(super) struct Reading<'a> {
    drain: &'a Drain,
    log: LogId,
    follower: Follower,
    doubts: Doubts,
}

impl<'a> Reading<'a> {
    pub async fn begin(drain: &'a Drain, log: LogId, after: Option<Place>) -> Result<Self, DrainError> {
        let super::Parts { log: from, signers, pool, .. } = &drain.parts;
        let begin = after.map_or(0, |place| place.sequence);
        let doubts = Doubts::after(Arc::clone(from), Arc::clone(signers), pool.clone(), log, begin);
        let follower = from.follow(after).await?;
        Ok(Self { drain, log, follower, doubts })
    }

    /// Waits until something happens.
    pub async fn next(&mut self) -> Result<Batch, DrainError> {
        let (max_events, max_bytes) = (self.drain.config.max_events, self.drain.config.max_bytes);
        let first = self.message().await?;
        let end = self.handed(&first);
        let mut batch = Batch { messages: Vec::new(), places: Vec::new(), skipped: Vec::new(), end };
        let (mut bytes, mut read) = (self.take(&mut batch, &first).await?, first.payload.len());
        let mut gathered = std::pin::pin!(tokio::time::sleep(GATHERED));
        let mut taken = 1;
        // What is left out counts as well: a batch of nothing moves the place.
        while taken < max_events && bytes < max_bytes && read < 4 * max_bytes {
            let stored = tokio::select! {
                biased;
                next = self.message() => next?,
                () = &mut gathered => break,
            };
            bytes += self.take(&mut batch, &stored).await?;
            read += stored.payload.len();
            taken += 1;
        }
        Ok(batch)
    }

    async fn message(&mut self) -> Result<Stored, DrainError> {
        match self.follower.next().await {
            Some(message) => Ok(message?),
            None => Err(DrainError::Log("the follower ended".to_owned())),
        }
    }

    fn handed(&self, stored: &Stored) -> Handed {
        Handed {
            log: self.log,
            sequence: stored.sequence,
            event: stored.read(self.log).event_id(),
            stored_at: Some(stored.stored_at),
            moved_at: stored.stored_at,
            tree: None,
            pending: None,
        }
    }

    /// Puts a message into the batch, where the filter lets it through; the answer is its length.
    async fn take(&mut self, batch: &mut Batch, stored: &Stored) -> Result<usize, DrainError> {
        let drain = self.drain;
        let place = self.handed(stored);
        batch.end = place.clone();
        let read = self.doubts.read(stored).await?;
        let record = Record { log: self.log, stored, read: &read };
        if !drain.filter.passes(&record) {
            return Ok(0);
        }
        if drain.config.skip.contains(&record.position()) {
            batch.skipped.push(record.position());
            return Ok(0);
        }
        let texts = self.texts(&read).await?;
        let message = drain.formatter.message(&record, texts.as_ref());
        let length = message.body.len();
        batch.messages.push(message);
        batch.places.push(place);
        Ok(length)
    }

    /// What people wrote, in clear; `None`: it stays closed.
    async fn texts(&mut self, read: &Read) -> Result<Option<Texts>, DrainError> {
        let Read::Event(recorded) = read else { return Ok(None) };
        if !self.drain.config.texts || recorded.event.sealed().is_empty() {
            return Ok(None);
        }
        // A key that is deleted lives on for a moment in memories.
        let forgotten = match recorded.envelope.subject.owner {
            Owner::Installation => false,
            Owner::Organization(id) => !forgotten::erased_in(&self.drain.parts.pool, id).await?.is_empty(),
        };
        Ok(Some(text::open(&*self.drain.parts.unseal, recorded, |_| forgotten).await?))
    }
}
