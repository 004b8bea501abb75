//! The stream of the log's checkpoints: signed notes (C2SP signed-note), the oldest first. Control appends to it, each
//! after the one that it knows; everybody reads.

use std::time::Duration;

use async_nats::HeaderMap;
use events::Shard;

use super::CHECKPOINTS;
use super::stream::{Message, Stream, StreamError};

/// Every subject of it.
pub const ALL: &str = "kl.checkpoints.*";

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

    pub async fn newest(&self) -> Result<Option<StoredNote>, StreamError> {
        Ok(self.stream.last(&self.subject).await?.map(StoredNote::of))
    }

    /// The first at this sequence or after it.
    pub async fn from(&self, sequence: u64) -> Result<Option<StoredNote>, StreamError> {
        Ok(self.stream.next(&self.subject, sequence).await?.map(StoredNote::of))
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
