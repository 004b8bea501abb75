//! The stream of the steps by which clients get in, or don't: one JSON step a message. Nodes and control each append under a
//! subject of their own, so that neither pushes out what the other saw; control reads; NATS lets the oldest go after a day.

use std::time::Duration;

use async_nats::HeaderMap;
use bytes::Bytes;

use super::ATTEMPTS;
use super::stream::{Stream, StreamError};
use super::tail::{Ends, Stored, Tail};

/// Every subject of it.
pub const ALL: &str = "kl.attempts.*";

/// No step is longer, in bytes.
pub const MAX_STEP: usize = 4 * 1_024;
/// Steps of one subject.
pub const MOST: u64 = 20_000;
/// All of them together, in the stream's files.
pub const MAX_BYTES: u64 = 128 * 1_024 * 1_024;
/// For so long a step is kept.
pub const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// For one step to be stored.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Who saw a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    Node,
    Control,
}

impl Side {
    pub fn subject(self) -> &'static str {
        match self {
            Self::Node => "kl.attempts.node",
            Self::Control => "kl.attempts.control",
        }
    }
}

/// The steps, over a connection of a role that may use them.
#[derive(Clone)]
pub struct AttemptSteps {
    tail: Tail,
}

impl AttemptSteps {
    pub fn new(client: async_nats::Client) -> Self {
        Self { tail: Tail::new(Stream::new(client, ATTEMPTS.to_owned()).within(TIMEOUT), ALL) }
    }

    pub async fn append(&self, side: Side, step: Bytes) -> Result<(), StreamError> {
        self.tail.stream().store(side.subject(), step, HeaderMap::new(), None).await.map(|_| ())
    }

    pub async fn ends(&self) -> Result<Ends, StreamError> {
        self.tail.ends().await
    }

    /// The steps of so many sequences from this one on, in order; those that are gone are left out.
    pub async fn range(&self, from: u64, count: u64) -> Result<Vec<Stored>, StreamError> {
        self.tail.range(from, count).await
    }
}
