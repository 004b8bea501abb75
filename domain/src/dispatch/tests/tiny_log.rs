//! A log of a few lines in memory, for the dispatcher's own logic alone: what a log must do is tested on
//! JetStream.

use std::sync::Mutex;

use bytes::Bytes;
use events::log::{
    AppendError, Batch, Expected, FollowError, Follower, History, Known, Log, ReadError, Stored, StreamInfo,
};
use events::position::Place;
use events::{LogId, Position, Shard, Subject, Timestamp};

#[derive(Default)]
pub struct TinyLog {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    stored: Vec<Stored>,
    /// How many messages were read.
    read: usize,
    /// Whose histories were asked for.
    asked: Vec<String>,
    session: u64,
    faults: Vec<Fault>,
}

/// What becomes of the next append.
pub enum Fault {
    /// Somebody else's events are stored just before it.
    Overtaken(Batch),
    /// It is stored, and its answer is lost.
    AnswerLost,
    /// It is stored, and the writer is told of a conflict: a retry met its own event.
    StoredAndConflict,
    /// It is not stored, since the log can't be reached.
    Unreachable,
}

impl TinyLog {
    /// The next appends meet these, in this order.
    pub fn fault(&self, faults: impl IntoIterator<Item = Fault>) {
        self.inner.lock().unwrap().faults.extend(faults);
    }

    pub fn stored(&self) -> Vec<Stored> {
        self.inner.lock().unwrap().stored.clone()
    }

    pub fn read(&self) -> usize {
        self.inner.lock().unwrap().read
    }

    /// Whose histories were asked for since this was called last.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.inner.lock().unwrap().asked)
    }

    /// The log may be another one from now on.
    pub fn begin_session(&self) {
        self.inner.lock().unwrap().session += 1;
    }

    /// Stores a message as it is.
    pub fn push(&self, subject: &str, payload: impl Into<Bytes>) {
        self.inner.lock().unwrap().push(subject.to_owned(), payload.into());
    }
}

impl Inner {
    fn push(&mut self, subject: String, payload: Bytes) {
        let sequence = self.stored.len() as u64 + 1;
        self.stored.push(Stored { sequence, subject, stored_at: Timestamp::UNIX_EPOCH, payload });
    }

    fn last(&self, subject: &str) -> u64 {
        self.stored.iter().rev().find(|stored| stored.subject == subject).map_or(0, |stored| stored.sequence)
    }

    fn append(&mut self, batch: &Batch) -> Result<Position, AppendError> {
        for entry in &batch.entries {
            let holds = match entry.expected {
                Expected::EmptyLog => self.stored.is_empty(),
                Expected::Last(sequence) => self.last(&entry.event.draft().subject.to_string()) == sequence,
                Expected::Following => true,
            };
            if !holds {
                return Err(AppendError::Conflict);
            }
        }
        for entry in &batch.entries {
            self.push(entry.event.draft().subject.to_string(), entry.event.payload().clone());
        }
        let log = batch.entries.first().map(|entry| entry.event.draft().log).unwrap();
        Ok(Position { log, shard: Shard::ZERO, sequence: self.stored.len() as u64 })
    }
}

#[async_trait::async_trait]
impl Log for TinyLog {
    async fn id(&self) -> Result<LogId, ReadError> {
        let first = self.inner.lock().unwrap().stored.first().cloned().ok_or(ReadError::NotBootstrapped)?;
        match events::envelope::read(&first, None) {
            events::Read::Event(first) => Ok(first.envelope.log),
            other @ (events::Read::Unreadable(_) | events::Read::Foreign(_)) => {
                Err(ReadError::ForeignLog(format!("{other:?}")))
            }
        }
    }

    fn session(&self) -> u64 {
        self.inner.lock().unwrap().session
    }

    async fn append(&self, batch: Batch) -> Result<Position, AppendError> {
        let mut inner = self.inner.lock().unwrap();
        let fault = if inner.faults.is_empty() { None } else { Some(inner.faults.remove(0)) };
        match fault {
            None => inner.append(&batch),
            Some(Fault::Overtaken(other)) => {
                inner.append(&other).unwrap();
                inner.append(&batch)
            }
            Some(Fault::AnswerLost) => {
                inner.append(&batch)?;
                Err(AppendError::OutcomeUnknown("no answer".to_owned()))
            }
            Some(Fault::StoredAndConflict) => {
                inner.append(&batch)?;
                Err(AppendError::Conflict)
            }
            Some(Fault::Unreachable) => Err(AppendError::Unavailable("not connected".to_owned())),
        }
    }

    async fn history_after(&self, subject: &Subject, known: Known) -> Result<History, ReadError> {
        // Others go on meanwhile, as they would on a wire.
        tokio::task::yield_now().await;
        let subject = subject.to_string();
        let mut inner = self.inner.lock().unwrap();
        let all = inner.stored.iter().filter(|stored| stored.subject == subject);
        let events: Vec<_> = all.skip(known.messages).cloned().collect();
        inner.read += events.len();
        inner.asked.push(subject.clone());
        Ok(History { events, last: inner.last(&subject) })
    }

    async fn message(&self, sequence: u64) -> Result<Option<Stored>, ReadError> {
        Ok(self.stored().into_iter().find(|stored| stored.sequence == sequence))
    }

    async fn info(&self) -> Result<StreamInfo, ReadError> {
        Err(ReadError::Unavailable("not of interest here".to_owned()))
    }

    async fn follow(&self, _: Option<Place>) -> Result<Follower, FollowError> {
        Err(FollowError::Unavailable("not of interest here".to_owned()))
    }
}
