//! Whether an event of the log stands where it says that it does. A true event that somebody stored a second time carries a
//! good signature; nobody obeys it, and whoever hands it on must say so (decision 0024).
//!
//! Commands, directories and read models know each object's newest event anyhow. Here is how others come to know: from the
//! object's own history in the log. [`Chains`] is for who reads the log in its order and has nothing else; [`Doubts`] for who
//! has PostgreSQL beside, whose history says which messages it could not take in: of all others nothing is asked.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use events::log::{Log, ReadError, Stored};
use events::{Chain, LogId, Position, Read, Shard, Signers, Subject};
use projections::postgres::{Pool, ReadModelError};
use projections::{Projection, checkpoint, parked};

/// How long PostgreSQL's history is waited for. It is behind mostly by what has just happened.
const PATIENCE: Duration = Duration::from_secs(1);

/// Messages that the history could not take in, read at once.
const DOUBTED: u32 = 10_000;

/// Objects whose state is kept, that nobody has to read what many copies of one follow again and again.
const CLOSED: usize = 10_000;

#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    #[error(transparent)]
    Log(#[from] ReadError),
    #[error(transparent)]
    History(#[from] ReadModelError),
}

/// How far the object's events have come before this message.
pub async fn chain(
    log: &dyn Log,
    signers: &Signers,
    id: LogId,
    subject: &Subject,
    before: u64,
) -> Result<Chain, ReadError> {
    let history = log.history(subject).await?;
    let mut chain = Chain::default();
    for stored in history.events.iter().take_while(|stored| stored.sequence < before) {
        chain.take(signers.read_of(log, stored, id).await?);
    }
    Ok(chain)
}

/// The objects of the messages that were read.
pub struct Chains {
    known: HashMap<Subject, Chain>,
    /// It is handed all messages of the log: of an object that it does not know there was none.
    whole: bool,
}

impl Chains {
    /// Of a log that is read from this message on.
    pub fn from(first: u64) -> Self {
        Self { known: HashMap::new(), whole: first <= 1 }
    }

    /// What the next message is that was read.
    pub async fn take(
        &mut self,
        log: &dyn Log,
        signers: &Signers,
        id: LogId,
        read: Read,
    ) -> Result<Read, ReadError> {
        let (subject, unknown) = match &read {
            Read::Event(recorded) => (&recorded.envelope.subject, Some(recorded.position.sequence)),
            // It closes what it is about, whatever was before.
            Read::Unreadable(unreadable) => (&unreadable.subject, None),
            Read::Foreign(_) => return Ok(read),
        };
        let mut chain = match (self.known.get(subject), unknown.filter(|_| !self.whole)) {
            (Some(chain), _) => *chain,
            (None, Some(sequence)) => chain(log, signers, id, subject, sequence).await?,
            (None, None) => Chain::default(),
        };
        let subject = subject.clone();
        let read = chain.take(read);
        self.known.insert(subject, chain);
        Ok(read)
    }
}

/// Reads messages for who hands them on, in the log's order.
pub struct Doubts {
    log: Arc<dyn Log>,
    signers: Arc<Signers>,
    pool: Pool,
    id: LogId,
    /// Of the messages up to this one it is known which the history could not take in.
    up_to: u64,
    doubted: BTreeSet<u64>,
    /// The history was waited for in vain, and has not come since.
    behind: bool,
    closed: HashMap<Subject, Chain>,
}

impl Doubts {
    /// For who begins after this message.
    pub fn after(log: Arc<dyn Log>, signers: Arc<Signers>, pool: Pool, id: LogId, sequence: u64) -> Self {
        let (doubted, closed) = (BTreeSet::new(), HashMap::new());
        Self { log, signers, pool, id, up_to: sequence, doubted, behind: false, closed }
    }

    /// What the next message is: an event that can be read, is signed and stands in its place, or none.
    pub async fn read(&mut self, stored: &Stored) -> Result<Read, OrderError> {
        let read = self.signers.read_of(&*self.log, stored, self.id).await?;
        let doubted = self.is_doubted(stored.sequence).await?;
        let Read::Event(recorded) = &read else { return Ok(read) };
        let subject = recorded.envelope.subject.clone();
        let read = match self.closed.get_mut(&subject) {
            Some(chain) => chain.take(read),
            None if doubted => {
                let mut chain = chain(&*self.log, &self.signers, self.id, &subject, stored.sequence).await?;
                let read = chain.take(read);
                if !matches!(read, Read::Event(_)) {
                    if self.closed.len() >= CLOSED {
                        self.closed.clear();
                    }
                    self.closed.insert(subject, chain);
                }
                read
            }
            None => read,
        };
        if let Read::Event(recorded) = &read {
            self.signers.take(recorded);
        }
        Ok(read)
    }

    /// Whether the history could not take it in, or has not come to it.
    async fn is_doubted(&mut self, sequence: u64) -> Result<bool, ReadModelError> {
        if sequence > self.up_to {
            self.look().await?;
        }
        if sequence > self.up_to && !self.behind {
            let position = Position { log: self.id, shard: Shard::ZERO, sequence };
            self.behind = !checkpoint::wait_for(&self.pool, Projection::History, &position, PATIENCE).await?;
            self.look().await?;
        }
        if sequence > self.up_to {
            return Ok(true);
        }
        self.behind = false;
        Ok(self.doubted.remove(&sequence))
    }

    async fn look(&mut self) -> Result<(), ReadModelError> {
        // In this order: what is parked up to the checkpoint is seen to be.
        let at = checkpoint::read(&self.pool, Projection::History).await?;
        let end = at.filter(|at| at.log == self.id).map_or(0, |at| at.sequence);
        if end <= self.up_to {
            return Ok(());
        }
        let found = parked::between(&self.pool, Projection::History, self.up_to, end, DOUBTED).await?;
        self.up_to = match found.last() {
            Some(last) if found.len() >= DOUBTED as usize => *last,
            Some(_) | None => end,
        };
        self.doubted.extend(found);
        Ok(())
    }
}
