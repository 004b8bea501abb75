//! The event log: the one source of truth. This module says what a log does; `jetstream` does it on NATS.

use std::fmt;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use crate::envelope::{Read, Signed};
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
    /// What the message turns out to be in the log of this id. Whether a writer signed it is for
    /// [`Signers`](crate::Signers) to say: nothing is decided on what this answers.
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
    pub event: Signed,
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

/// The events of one aggregate, in order: none is missing at the end.
#[derive(Clone, Debug, Default)]
pub struct History {
    pub events: Vec<Stored>,
    /// The sequence of the last, or of the last that was known; 0 when there is none.
    pub last: u64,
}

/// What of an aggregate's history is known already: how many messages, and the sequence of the last; none at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    pub messages: usize,
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
    pub quorum: Quorum,
}

impl StreamInfo {
    /// Whether a majority stands behind it.
    pub fn is_proof(&self) -> bool {
        self.quorum.is_majority()
    }
}

/// Who stands behind an answer. A leader that lost its peers goes on answering for many seconds while the
/// others elect a new one: what it says of the log's end is true only as long as a majority follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quorum {
    /// One server holds the log: there is no other.
    Single,
    /// The leader and replicas that it heard of lately are a majority.
    Majority {
        /// How long before the answer the last of those that make the majority was heard: another leader may have
        /// been elected since it *spoke*, which was up to [`Quorum::IN_TRANSIT`] earlier.
        heard_ago: Duration,
    },
    /// No leader, or one that has not heard a majority lately: its answer proves nothing.
    Lost {
        /// The leader included.
        heard: usize,
        of: usize,
    },
}

impl Quorum {
    /// A replica that was heard longer ago is not counted. With [`Quorum::IN_TRANSIT`] shorter than the four
    /// seconds after which, at the earliest, a nats-server that hears no leader stands for election.
    pub const HEARD_WITHIN: Duration = Duration::from_secs(2);

    /// How long a replica's word may be on its way until the leader has it. The leader tells when it heard a
    /// replica, not when that one spoke: what waited in a socket's buffer is older than it looks.
    pub const IN_TRANSIT: Duration = Duration::from_secs(1);

    /// Whether the answer proves anything.
    pub fn is_majority(self) -> bool {
        match self {
            Self::Single | Self::Majority { .. } => true,
            Self::Lost { .. } => false,
        }
    }

    /// As of when the answer to a question holds for sure, asked at this moment; `None`: it proves nothing.
    pub fn holds_as_of(self, asked_at: Instant) -> Option<Instant> {
        match self {
            Self::Single => Some(asked_at),
            Self::Majority { heard_ago } => asked_at.checked_sub(heard_ago + Self::IN_TRANSIT),
            Self::Lost { .. } => None,
        }
    }
}

impl fmt::Display for Quorum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Single => f.write_str("the log is on one server"),
            Self::Majority { heard_ago } => {
                write!(f, "the log's leader heard a majority {} ms ago", heard_ago.as_millis())
            }
            Self::Lost { heard: 0, of } => write!(f, "the log has no leader among its {of} servers"),
            Self::Lost { heard, of } => {
                write!(f, "the log's leader hears {heard} of {of} servers (itself included), no majority")
            }
        }
    }
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

    /// Changes when the log may have become another one, such as one that was restored: what was read under another
    /// number is read again.
    fn session(&self) -> u64 {
        0
    }

    /// Appends all events or none; the answer is the last one's position. Events that are there already
    /// under the same event ids count as appended.
    async fn append(&self, batch: Batch) -> Result<Position, AppendError>;

    /// Every event of one aggregate, confirmed by a leader that a majority follows.
    async fn history(&self, subject: &Subject) -> Result<History, ReadError> {
        self.history_after(subject, Known::default()).await
    }

    /// The same, without what is known already.
    async fn history_after(&self, subject: &Subject, known: Known) -> Result<History, ReadError>;

    /// The message at a sequence; `None` when it is not there, by the word of a leader that a majority follows.
    async fn message(&self, sequence: u64) -> Result<Option<Stored>, ReadError>;

    /// What the log's leader says now.
    async fn info(&self) -> Result<StreamInfo, ReadError>;

    /// Follows the log after a place (from the first message on when `None`), through reconnects and
    /// restarts of the server; at the start and after each reconnect it reads the message at its place back.
    async fn follow(&self, after: Option<Place>) -> Result<Follower, FollowError>;
}
