//! The stream of the log's checkpoints: signed notes (C2SP signed-note), the oldest first. Control appends to it, each
//! after the one that it knows; everybody reads.

use std::time::Duration;

use async_nats::HeaderMap;
use events::Shard;
use futures::future::try_join_all;

use super::CHECKPOINTS;
use super::stream::{Message, Stream, StreamError};

pub mod largest;

/// Every subject of it.
pub const ALL: &str = "kl.checkpoints.*";

/// So many of the last are looked at for the largest.
const RECENT: u64 = 32;

/// A shard's checkpoints, over a connection of a role that may read them.
#[derive(Clone)]
pub struct Checkpoints {
    stream: Stream,
    subject: String,
}

/// A note as it lies there: nothing is checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredNote {
    /// In the stream.
    pub sequence: u64,
    pub text: String,
}

impl Checkpoints {
    pub fn new(client: async_nats::Client, shard: Shard) -> Self {
        Self {
            stream: Stream::new(client, CHECKPOINTS.to_owned()),
            subject: format!("kl.checkpoints.{shard}"),
        }
    }

    /// The same, with another bound for each question.
    #[must_use]
    pub fn within(self, timeout: Duration) -> Self {
        Self { stream: self.stream.within(timeout), ..self }
    }

    /// The last that was stored. It need not be the largest: whoever may store can store an older one again.
    pub async fn newest(&self) -> Result<Option<StoredNote>, StreamError> {
        Ok(self.stream.last(&self.subject).await?.map(StoredNote::of))
    }

    /// The first at this sequence or after it.
    pub async fn from(&self, sequence: u64) -> Result<Option<StoredNote>, StreamError> {
        Ok(self.stream.next(&self.subject, sequence).await?.map(StoredNote::of))
    }

    /// The last ones, the oldest first: behind an older one that was stored again stands the largest.
    pub async fn recent(&self) -> Result<Vec<StoredNote>, StreamError> {
        let Some(last) = self.newest().await? else { return Ok(Vec::new()) };
        let first = last.sequence.saturating_sub(RECENT - 1).max(1);
        let before = try_join_all((first..last.sequence).map(|sequence| self.from(sequence))).await?;
        let mut found: Vec<_> = before.into_iter().flatten().collect();
        found.retain(|note| note.sequence < last.sequence);
        found.dedup_by_key(|note| note.sequence);
        found.push(last);
        Ok(found)
    }

    /// Appends a note where the newest is at this sequence (0: there is none); the answer is its own.
    pub async fn append(&self, note: String, expected: u64) -> Result<u64, StreamError> {
        self.stream.store(&self.subject, note.into(), HeaderMap::new(), Some(expected)).await
    }
}

impl StoredNote {
    /// What is no UTF-8 becomes a note that nobody has signed.
    fn of(message: Message) -> Self {
        Self { sequence: message.sequence, text: String::from_utf8_lossy(&message.payload).into_owned() }
    }
}
