//! The event log: the one source of truth. This module says what a log does; `jetstream` does it on NATS.

use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use crate::envelope::{Draft, Read};
use crate::id::LogId;
use crate::position::{Place, Position};
use crate::subject::Subject;
use crate::timestamp::Timestamp;

#[cfg(feature = "jetstream")]
pub mod jetstream;

/// A message as the log holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// From 1, in the order of the log.
    pub sequence: u64,
    pub subject: String,
    /// When the log stored it, by the log's clock.
    pub stored_at: Timestamp,
    pub payload: Bytes,
}

impl Stored {
    /// What the message turns out to be in the log of this id.
    pub fn read(&self, log: LogId) -> Read {
        crate::envelope::read(self, Some(log))
    }
}

/// Events that are appended together, all or none: at most [`Batch::MAX`], in one shard.
#[derive(Clone, Debug)]
pub struct Batch {
    pub entries: Vec<Entry>,
}

impl Batch {
    /// nats-server takes at most this many messages in one atomic batch (error 10199).
    pub const MAX: usize = 1_000;
}

/// One event of a batch.
#[derive(Clone, Debug)]
pub struct Entry {
    pub draft: Draft,
    pub expected: Expected,
}

/// What must hold for an event to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// The whole log is empty: the first event of all.
    EmptyLog,
    /// The last event on the same subject has this sequence; 0: there is none.
    Last(u64),
    /// It follows an earlier entry of the same batch on the same subject.
    Following,
}

/// Every event of one aggregate, in order, as the log's leader knows them.
#[derive(Clone, Debug, Default)]
pub struct History {
    pub events: Vec<Stored>,
    /// The sequence of the last; 0 when there is none.
    pub last: u64,
}

/// What the log's leader says of its stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamInfo {
    /// The sequence of the newest message; 0 in an empty log.
    pub last_sequence: u64,
    pub messages: u64,
    /// The server's clock at its answer.
    pub server_time: Timestamp,
    /// This process's monotonic clock before the question was sent.
    pub asked_at: Instant,
}

/// Why nothing was appended, or why that is not known.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Somebody else wrote to the aggregate first: load and decide again.
    #[error("the aggregate has changed since it was read")]
    Conflict,
    /// Nothing was handed over: nothing is stored.
    #[error("the log can't be reached; nothing was stored: {0}")]
    Unavailable(String),
    /// Handed over, and no answer came: asking again with the same command id tells.
    #[error("the log did not answer; the outcome is unknown: {0}")]
    OutcomeUnknown(String),
    /// The log refused it for good.
    #[error("the log refused the events: {0}")]
    Refused(String),
    #[error("an event could not be encoded: {0}")]
    Encode(#[from] serde_json::Error),
}

/// Why nothing was read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("the log can't be reached: {0}")]
    Unavailable(String),
    #[error("no installation lives in this log yet: run `keyledger bootstrap`")]
    NotBootstrapped,
    #[error("the log's first message is not `installation.bootstrapped`: {0}")]
    ForeignLog(String),
}

/// Why a follower can't go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FollowError {
    /// The log is not the one that was followed, or has lost its tail: what was built from it must be built
    /// anew.
    #[error("the log is not the one that was followed: {0}")]
    Diverged(String),
    #[error("the log can't be reached: {0}")]
    Unavailable(String),
    #[error("no installation lives in this log yet: run `keyledger bootstrap`")]
    NotBootstrapped,
}

/// Messages in the order of the log, without gaps, for ever; an error is the last item.
pub type Follower = BoxStream<'static, Result<Stored, FollowError>>;

/// The event log.
#[async_trait]
pub trait Log: Send + Sync + 'static {
    /// The log's id: that of its first event. Kept once it is known.
    async fn id(&self) -> Result<LogId, ReadError>;

    /// Appends all events or none; the answer is the last one's position. Events that are there already
    /// under the same event ids count as appended.
    async fn append(&self, batch: Batch) -> Result<Position, AppendError>;

    /// Every event of one aggregate, confirmed by the log's leader.
    async fn history(&self, subject: &Subject) -> Result<History, ReadError>;

    /// The message at a sequence, if it is there.
    async fn message(&self, sequence: u64) -> Result<Option<Stored>, ReadError>;

    /// What the log's leader says now.
    async fn info(&self) -> Result<StreamInfo, ReadError>;

    /// Follows the log after a place (from the first message on when `None`), through reconnects and
    /// restarts of the server; at the start and after each reconnect it reads the message at its place back.
    async fn follow(&self, after: Option<Place>) -> Result<Follower, FollowError>;
}
