//! Drains: somebody outside is told what happens, in the log's order, such as a SIEM.
//!
//! A drain promises: every event that its filter lets through reaches the receiver at least once, whatever is killed or
//! down meanwhile; its place, in PostgreSQL, moves once the receiver has taken what lies before it; it holds one batch in
//! memory; it delays nobody else. An event that the receiver refuses for what it is stops it, with words, until the
//! receiver takes it or an operator says to go on without (`skip`): nothing is left out in silence (decision 0023).
//!
//! [`format`] says what an event looks like, [`transport`] how it travels; either knows nothing of the other.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use events::clock::{Clock, Random};
use events::lasting::{Lasting, Words};
use events::log::{FollowError, Log, ReadError};
use events::{Position, Signers};
use projections::postgres::place::{self, Handed, PlaceKind};
use projections::postgres::text::{Unseal, UnsealError};
use projections::postgres::{self, Pool, ReadModelError};
use tokio_util::sync::CancellationToken;

use crate::config::{self, Beginning, ConfigError};
use crate::order::OrderError;
use crate::outlet::{self, Outlet, Trouble};

mod batch;
mod filter;
mod format;
mod kind;
mod transport;

use batch::{Batch, Reading};
use filter::Filter;
use format::{Formatter, Message};
use transport::{Transport, Undelivered};

/// How often it is looked whether its place is where it left it.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What every drain of a process works with.
#[derive(Clone)]
pub struct Parts {
    pub log: Arc<dyn Log>,
    pub signers: Arc<Signers>,
    pub pool: Pool,
    pub unseal: Arc<dyn Unseal>,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
}

/// One drain.
pub struct Drain {
    name: String,
    config: config::Drain,
    filter: Filter,
    formatter: Formatter,
    transport: Box<dyn Transport>,
    still: Lasting,
    parts: Parts,
}

const WORDS: Words = Words { lasts: "the drain stands still", ends: "the drain goes on" };

/// Why a drain stands still.
#[derive(Debug, thiserror::Error)]
pub enum DrainError {
    #[error("PostgreSQL, which keeps its place and the history: {0}")]
    Place(#[from] ReadModelError),
    #[error("another process moved its place: it is read again")]
    Fenced,
    #[error("the log: {0}")]
    Log(String),
    #[error("the vault, which opens texts: {0}")]
    Unseal(#[from] UnsealError),
    #[error("{0}: `keyledger drains reset` begins anew")]
    Diverged(String),
    #[error("the receiver does not take it: {reason}")]
    Unavailable { reason: String, after: Option<Duration> },
    #[error(
        "the receiver refuses the event at {position} for what it is: {reason}. It is tried again; to go on without it, add \
         its position to `skip`"
    )]
    Refused { position: Position, reason: String },
}

impl Trouble for DrainError {
    fn needs_an_operator(&self) -> bool {
        match self {
            Self::Refused { .. } | Self::Diverged(_) => true,
            Self::Place(_) | Self::Fenced | Self::Log(_) | Self::Unseal(_) | Self::Unavailable { .. } => {
                false
            }
        }
    }

    fn asked_pause(&self) -> Option<Duration> {
        match self {
            Self::Unavailable { after, .. } => *after,
            Self::Refused { .. }
            | Self::Diverged(_)
            | Self::Place(_)
            | Self::Fenced
            | Self::Log(_)
            | Self::Unseal(_) => None,
        }
    }
}

impl From<FollowError> for DrainError {
    fn from(error: FollowError) -> Self {
        match error {
            FollowError::Diverged(reason) => {
                Self::Diverged(format!("the log is not the one that it followed: {reason}"))
            }
            FollowError::Unavailable(_) | FollowError::NotBootstrapped => Self::Log(error.to_string()),
        }
    }
}

impl From<OrderError> for DrainError {
    fn from(error: OrderError) -> Self {
        match error {
            OrderError::Log(error) => error.into(),
            OrderError::History(error) => error.into(),
        }
    }
}

impl From<ReadError> for DrainError {
    fn from(error: ReadError) -> Self {
        Self::Log(error.to_string())
    }
}

/// Why a trial did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Undelivered(#[from] Undelivered),
}

/// Sends a message that is no event, and is of no place.
pub async fn trial(
    name: &str,
    config: &config::Drain,
    host: &str,
    clock: &Arc<dyn Clock>,
    random: &dyn Random,
) -> Result<(), TrialError> {
    let transport = transport::open(&format!("drains.{name}"), config, host, clock, random)?;
    let message = Formatter::new(config.format).trial(clock.now());
    Ok(transport.deliver(&[message]).await?)
}

impl Outlet for Drain {
    const KIND: PlaceKind = PlaceKind::Drain;
    const PAUSE: Duration = Duration::from_millis(200);
    const LONGEST_PAUSE: Duration = Duration::from_secs(30);

    type Trouble = DrainError;

    fn name(&self) -> &str {
        &self.name
    }

    fn pool(&self) -> &Pool {
        &self.parts.pool
    }

    fn clock(&self) -> &dyn Clock {
        &*self.parts.clock
    }

    fn still(&self) -> &Lasting {
        &self.still
    }

    async fn turn(&self, progress: &mut bool) -> Result<(), DrainError> {
        match self.attempt(progress).await {
            Err(error) => Err(error),
            Ok(never) => match never {},
        }
    }
}

impl Drain {
    /// `host`: where events say that they come from, unless the configuration says.
    pub fn new(name: &str, config: &config::Drain, host: &str, parts: Parts) -> Result<Self, ConfigError> {
        let key = format!("drains.{name}");
        let transport = transport::open(&key, config, host, &parts.clock, &*parts.random)?;
        Ok(Self {
            name: name.to_owned(),
            filter: Filter::of(config),
            formatter: Formatter::new(config.format),
            transport,
            config: config.clone(),
            still: Lasting::new(Arc::clone(&parts.clock), WORDS).of(name),
            parts,
        })
    }

    /// Hands over what happens, until cancelled.
    pub async fn run(&self, cancel: CancellationToken) {
        outlet::keep(self, cancel).await;
    }

    /// Hands over from its place on until something fails.
    async fn attempt(&self, progress: &mut bool) -> Result<Infallible, DrainError> {
        postgres::migrate(&self.parts.pool).await?;
        let log = self.parts.log.id().await?;
        let mut at = self.place(log).await?;
        let place = (at.sequence > 0).then_some(events::position::Place {
            log,
            sequence: at.sequence,
            event: at.event,
        });
        let mut reading = Reading::begin(self, log, place).await?;
        if self.parts.log.info().await?.last_sequence <= at.sequence {
            place::clear(&self.parts.pool, PlaceKind::Drain, &self.name).await?;
            self.still.ended();
        }
        loop {
            let batch = tokio::select! {
                biased;
                batch = reading.next() => batch?,
                ended = self.is_moved(&at) => return Err(ended?),
            };
            self.hand_over(&mut at, batch).await?;
            self.still.ended();
            *progress = true;
        }
    }

    /// Waits until somebody else has moved its place, as `keyledger drains reset` does: also while nothing happens.
    async fn is_moved(&self, at: &Handed) -> Result<DrainError, DrainError> {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let row = place::read(&self.parts.pool, PlaceKind::Drain, &self.name).await?;
            if row.is_none_or(|row| row.handed.sequence != at.sequence || row.handed.log != at.log) {
                return Ok(DrainError::Fenced);
            }
        }
    }

    /// Where it stands; where it begins, if it never ran.
    async fn place(&self, log: events::LogId) -> Result<Handed, DrainError> {
        let Parts { pool, clock, .. } = &self.parts;
        let row = place::read(pool, PlaceKind::Drain, &self.name).await?;
        let handed = match row {
            Some(row) => row.handed,
            None => {
                let mut first = Handed {
                    log,
                    sequence: 0,
                    event: None,
                    stored_at: None,
                    moved_at: clock.now(),
                    tree: None,
                    pending: None,
                };
                if self.config.from == Beginning::Now {
                    let newest = self.parts.log.info().await?.last_sequence;
                    if let Some(stored) = self.parts.log.message(newest).await? {
                        first.sequence = newest;
                        first.event = stored.read(log).event_id();
                        first.stored_at = Some(stored.stored_at);
                    }
                }
                place::begin(pool, PlaceKind::Drain, &self.name, &first).await?;
                first
            }
        };
        if handed.log == log {
            return Ok(handed);
        }
        Err(DrainError::Diverged(format!("the log is {log}, and it followed {}", handed.log)))
    }

    /// Sends a batch and moves the place. Where the receiver refuses what is in it, each event goes alone.
    async fn hand_over(&self, at: &mut Handed, batch: Batch) -> Result<(), DrainError> {
        match self.deliver(&batch.messages).await {
            Ok(()) => {}
            Err(Undelivered::Refused(_)) => {
                for message in &batch.messages {
                    match self.deliver(std::slice::from_ref(message)).await {
                        Ok(()) => self.advance(at, &batch, batch.up_to(message)).await?,
                        Err(Undelivered::Refused(reason)) => {
                            metrics::counter!("keyledger_drain_events_refused_total", "drain" => self.name.clone())
                                .increment(1);
                            return Err(DrainError::Refused { position: message.position, reason });
                        }
                        Err(error) => return Err(unavailable(error)),
                    }
                }
            }
            Err(error) => return Err(unavailable(error)),
        }
        self.advance(at, &batch, batch.end.clone()).await
    }

    async fn deliver(&self, messages: &[Message]) -> Result<(), Undelivered> {
        if messages.is_empty() {
            return Ok(());
        }
        let asked = self.parts.clock.instant();
        self.transport.deliver(messages).await?;
        let took = self.parts.clock.instant().saturating_duration_since(asked);
        metrics::histogram!("keyledger_drain_delivery_seconds", "drain" => self.name.clone())
            .record(took.as_secs_f64());
        metrics::counter!("keyledger_drain_events_sent_total", "drain" => self.name.clone())
            .increment(messages.len() as u64);
        Ok(())
    }

    async fn advance(&self, at: &mut Handed, batch: &Batch, mut to: Handed) -> Result<(), DrainError> {
        if to.sequence <= at.sequence {
            return Ok(());
        }
        to.moved_at = self.parts.clock.now();
        if !place::advance(&self.parts.pool, PlaceKind::Drain, &self.name, at, &to).await? {
            return Err(DrainError::Fenced);
        }
        // What is passed over once, however often its batch was tried.
        for position in
            batch.skipped.iter().filter(|it| at.sequence < it.sequence && it.sequence <= to.sequence)
        {
            tracing::warn!(drain = self.name, %position, "passed over, as the configuration says");
            metrics::counter!("keyledger_drain_events_skipped_total", "drain" => self.name.clone())
                .increment(1);
        }
        *at = to;
        Ok(())
    }
}

/// What is not about an event.
fn unavailable(error: Undelivered) -> DrainError {
    let after = match &error {
        Undelivered::Busy { after, .. } => Some(*after),
        Undelivered::Unavailable(_) | Undelivered::Refused(_) => None,
    };
    DrainError::Unavailable { reason: error.to_string(), after }
}
