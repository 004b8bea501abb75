//! The log on NATS JetStream: one stream a shard (`KL_EVENTS_0`), one subject an aggregate.
//!
//! Promises what [`Log`] says. Leaves to NATS: order, durability, which server leads. Leaves to `keyledger
//! nats setup`: creating the stream; here its configuration is compared and a stream that differs is refused.
//!
//! Requests are written by hand rather than through the client's JetStream layer, which has no atomic batches
//! and whose ordered consumer hides reconnects: a follower must look at its place again after each.

mod append;
mod config;
mod connect;
mod follow;
mod leader;
mod pull;
mod read;
mod wire;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::Semaphore;

pub use self::config::{
    MINIMUM_SERVER, OpenError, STREAM, SUBJECTS, StreamDifference, differences, is_new_enough, stream_config,
    stream_differences,
};
pub use self::connect::{ConnectError, ConnectOptions, Credentials, Password, connect};
pub use self::pull::{Ended, Follow, Pull, Pulled};
pub use self::wire::{API_PREFIX, ApiError, CallError, Found, Wire, api, data, parse};

use super::{AppendError, Batch, FollowError, Follower, History, Known, Log, ReadError, Stored, StreamInfo};
use crate::clock::{Clock, Random};
use crate::id::LogId;
use crate::lasting::{Lasting, Words};
use crate::position::{Place, Position};
use crate::subject::Subject;

/// How many of a process's batches are open at once; a stream takes 50 from all processes together.
const OPEN_BATCHES: usize = 16;

/// The log's shard 0 behind one NATS connection. Cheap to clone.
#[derive(Clone)]
pub struct JetStreamLog {
    shared: Arc<Shared>,
}

struct Shared {
    wire: Wire,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    timeouts: Timeouts,
    /// Forgotten when a follower finds another log, so that the next question asks anew.
    id: Mutex<Option<LogId>>,
    /// Since when the server that this is connected to has proven nothing; `None`: its last answer did.
    unproven_since: Mutex<Option<Instant>>,
    left_behind: Lasting,
    /// Following it, by whoever does over this connection.
    interrupted: Lasting,
    batches: Semaphore,
}

/// How long to wait for the log.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For the answer to one append.
    pub append: Duration,
    /// For the answer to one read.
    pub read: Duration,
    /// Between two signs of life to a follower; twice this without one and it starts a new consumer.
    pub heartbeat: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            append: Duration::from_secs(5),
            read: Duration::from_secs(3),
            heartbeat: Duration::from_secs(1),
        }
    }
}

impl JetStreamLog {
    /// Refuses a server that is too old and a stream that is not there or not as the log needs it.
    pub async fn open(
        client: async_nats::Client,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        timeouts: Timeouts,
    ) -> Result<Self, OpenError> {
        Self::open_as("the log", client, clock, random, timeouts).await
    }

    /// The same where a process has several: states that last are told of this one under its name.
    pub async fn open_as(
        name: &str,
        client: async_nats::Client,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        timeouts: Timeouts,
    ) -> Result<Self, OpenError> {
        let words = Words {
            lasts: "the NATS server that this is connected to proves nothing: others are tried",
            ends: "a NATS server is found that proves what it says",
        };
        let state = |words| Lasting::new(Arc::clone(&clock), words).of(name);
        let left_behind = state(words);
        let words = Words { lasts: "following the log is interrupted", ends: "following the log again" };
        let interrupted = state(words);
        let log = Self {
            shared: Arc::new(Shared {
                wire: Wire::new(client),
                clock,
                random,
                timeouts,
                id: Mutex::new(None),
                unproven_since: Mutex::new(None),
                left_behind,
                interrupted,
                batches: Semaphore::new(OPEN_BATCHES),
            }),
        };
        log.check_stream().await?;
        read::check_signed(&log.shared).await?;
        Ok(log)
    }

    /// Compares the server's version and the stream's configuration with what the log needs; a difference is
    /// an alarm and shows in `keyledger_log_stream_differences`. Ask each minute.
    pub async fn check_stream(&self) -> Result<(), OpenError> {
        config::check(&self.shared).await
    }

    /// The log's messages from this sequence on, as many as come at once (up to 1,000), whatever is between them;
    /// none: there is nothing after it. For an auditor, who goes on where a follower stops.
    pub async fn scan(&self, from: u64) -> Result<Vec<Stored>, ReadError> {
        read::scan(&self.shared, from).await
    }

    pub fn client(&self) -> &async_nats::Client {
        self.shared.wire.client()
    }
}

#[async_trait]
impl Log for JetStreamLog {
    async fn id(&self) -> Result<LogId, ReadError> {
        if let Some(id) = self.shared.known_id() {
            return Ok(id);
        }
        let id = read::id(&self.shared).await?;
        self.shared.set_id(Some(id));
        Ok(id)
    }

    /// A server is restored while nobody is connected to it.
    fn session(&self) -> u64 {
        self.shared.wire.connection()
    }

    async fn append(&self, batch: Batch) -> Result<Position, AppendError> {
        append::append(&self.shared, batch).await
    }

    async fn history_after(&self, subject: &Subject, known: Known) -> Result<History, ReadError> {
        read::history(&self.shared, subject, known).await
    }

    async fn message(&self, sequence: u64) -> Result<Option<Stored>, ReadError> {
        Ok(read::message(&self.shared, sequence).await?)
    }

    async fn info(&self) -> Result<StreamInfo, ReadError> {
        leader::info(&self.shared).await
    }

    async fn follow(&self, after: Option<Place>) -> Result<Follower, FollowError> {
        follow::follow(self.shared.clone(), after).await
    }
}

impl Shared {
    fn known_id(&self) -> Option<LogId> {
        *self.id.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_id(&self, id: Option<LogId>) {
        *self.id.lock().unwrap_or_else(PoisonError::into_inner) = id;
    }

    /// A name that no other process draws.
    fn unique(&self) -> String {
        let mut bytes = [0; 16];
        self.random.fill(&mut bytes);
        uuid::Uuid::from_bytes(bytes).as_simple().to_string()
    }

    /// Waits 2^attempt times `base`, at most `cap`, less a random part of up to a half.
    async fn back_off(&self, attempt: u32, base: Duration, cap: Duration) {
        let full = base.saturating_mul(1 << attempt.min(16)).min(cap);
        let mut byte = [0; 1];
        self.random.fill(&mut byte);
        tokio::time::sleep(full - full.mul_f64(f64::from(byte[0]) / 512.0)).await;
    }
}
