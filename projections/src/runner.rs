//! The worker that keeps the read models: it follows the log and stores what it reads, batch by batch.
//!
//! It promises: each batch is one transaction with its checkpoint, which moves only from where this writer left
//! it; an event that comes twice is stored once; whatever fails (PostgreSQL, the log, the vault) is tried again
//! until it works, and then it catches up. When the log turns out not to be the one that the tables were built
//! from, it stores nothing more and says so: an operator decides on a rebuild.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use events::log::{FollowError, Log, ReadError, Stored};
use events::{LogId, Read};
use futures::StreamExt;
use serde::Serialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::checkpoint::{self, Checkpoint};
use crate::parked::{self, ParkedEvent};
use crate::postgres::text::{Unseal, UnsealError};
use crate::postgres::{self, Pool, ReadModelError, history, text};

mod batch;
mod unpark;

use batch::{Item, Outcome, What};

/// How the worker works.
#[derive(Clone, Copy, Debug)]
pub struct ProjectorConfig {
    /// Messages in one transaction, at most. 500.
    pub batch: usize,
    /// The longest pause between two tries. 5 s.
    pub max_pause: Duration,
    /// How often the log's end is asked for, for the lag. 5 s.
    pub ask_every: Duration,
}

impl Default for ProjectorConfig {
    fn default() -> Self {
        Self { batch: 500, max_pause: Duration::from_secs(5), ask_every: Duration::from_secs(5) }
    }
}

/// How the worker fares.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "state", content = "reason", rename_all = "snake_case")]
pub enum ProjectorState {
    Starting,
    Following,
    /// It tries again: what failed last.
    Waiting(String),
    /// The tables were built from another log. Nothing is stored until they are rebuilt.
    Diverged(String),
}

/// Keeps the read models of one database.
pub struct Projector {
    log: Arc<dyn Log>,
    pool: Pool,
    unseal: Arc<dyn Unseal>,
    config: ProjectorConfig,
    state: watch::Sender<ProjectorState>,
}

/// Why a batch was not stored.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    #[error("PostgreSQL: {0}")]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    ReadModel(#[from] ReadModelError),
    #[error(transparent)]
    Unseal(#[from] UnsealError),
    #[error("another writer moved the checkpoint")]
    Fenced,
    #[error("the log: {0}")]
    Log(String),
    #[error("{0}")]
    Diverged(String),
}

impl From<FollowError> for ProjectError {
    fn from(error: FollowError) -> Self {
        match error {
            FollowError::Diverged(reason) => Self::Diverged(reason),
            FollowError::Unavailable(_) | FollowError::NotBootstrapped => Self::Log(error.to_string()),
        }
    }
}

impl Projector {
    pub fn new(log: Arc<dyn Log>, pool: Pool, unseal: Arc<dyn Unseal>, config: ProjectorConfig) -> Self {
        Self { log, pool, unseal, config, state: watch::Sender::new(ProjectorState::Starting) }
    }

    /// How it fares, now and from now on.
    pub fn state(&self) -> watch::Receiver<ProjectorState> {
        self.state.subscribe()
    }

    /// Brings the tables to this version's shape and keeps them until cancelled. A batch that is cut off by the
    /// end is stored whole or not at all.
    pub async fn run(&self, cancel: CancellationToken) {
        tokio::select! {
            biased;
            () = cancel.cancelled() => {}
            never = self.keep() => match never {},
            never = self.measure() => match never {},
        }
    }

    async fn keep(&self) -> Infallible {
        let mut pause = FIRST_PAUSE;
        loop {
            let mut progress = false;
            let Err(error) = self.attempt(&mut progress).await;
            if progress {
                pause = FIRST_PAUSE;
            }
            match error {
                ProjectError::Diverged(reason) => {
                    tracing::error!(%reason, "the read models were built from another log: `keyledger read-models rebuild` builds them anew");
                    self.state.send_replace(ProjectorState::Diverged(reason));
                    metrics::gauge!("keyledger_read_models_diverged").set(1.0);
                    pause = self.config.max_pause;
                }
                ProjectError::Fenced => {
                    tracing::warn!("another writer moved the read models' checkpoint: reading it again")
                }
                error @ (ProjectError::Database(_)
                | ProjectError::ReadModel(_)
                | ProjectError::Unseal(_)
                | ProjectError::Log(_)) => {
                    tracing::warn!(%error, ?pause, "the read models stand still; trying again");
                    self.state.send_replace(ProjectorState::Waiting(error.to_string()));
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(self.config.max_pause);
        }
    }

    /// Follows from the checkpoint until something fails.
    async fn attempt(&self, progress: &mut bool) -> Result<Infallible, ProjectError> {
        postgres::migrate(&self.pool).await?;
        let mut from = checkpoint::read(&self.pool).await?;
        let log = match self.log.id().await {
            Ok(log) => log,
            Err(ReadError::ForeignLog(reason)) => return Err(ProjectError::Diverged(reason)),
            Err(error @ (ReadError::Unavailable(_) | ReadError::NotBootstrapped)) => {
                return Err(ProjectError::Log(error.to_string()));
            }
        };
        if let Some(checkpoint) = from.as_ref().filter(|checkpoint| checkpoint.log != log) {
            let reason = format!("the log is {log}; they were built from {}", checkpoint.log);
            return Err(ProjectError::Diverged(reason));
        }
        if let Some(checkpoint) = &from {
            unpark::unpark(self, log, checkpoint).await?;
        }
        let mut chunks =
            self.log.follow(from.as_ref().map(Checkpoint::place)).await?.ready_chunks(self.config.batch);
        self.state.send_replace(ProjectorState::Following);
        metrics::gauge!("keyledger_read_models_diverged").set(0.0);
        while let Some(chunk) = chunks.next().await {
            let mut messages = Vec::with_capacity(chunk.len());
            let mut end = None;
            for item in chunk {
                match item {
                    Ok(stored) => messages.push(stored),
                    Err(error) => end = Some(error),
                }
            }
            self.project(log, &mut from, &messages).await?;
            *progress = true;
            if let Some(error) = end {
                return Err(error.into());
            }
        }
        Err(ProjectError::Log("the follower ended".to_owned()))
    }

    /// Stores messages that follow the checkpoint, and moves it. Those up to the checkpoint are passed over.
    pub async fn project(
        &self,
        log: LogId,
        from: &mut Option<Checkpoint>,
        messages: &[Stored],
    ) -> Result<(), ProjectError> {
        let place = from.as_ref().map_or(0, |checkpoint| checkpoint.sequence);
        let mut items = Vec::with_capacity(messages.len());
        for message in messages.iter().filter(|message| message.sequence > place) {
            items.push(self.prepare(message, log).await?);
        }
        match self.store(log, from, &items).await {
            Err(ProjectError::Database(error)) if is_refused(&error) => {
                self.one_by_one(log, from, items).await
            }
            outcome => outcome,
        }
    }

    /// The database refused something in the batch: each event alone, and the one that it refuses is parked.
    async fn one_by_one(
        &self,
        log: LogId,
        from: &mut Option<Checkpoint>,
        items: Vec<Item>,
    ) -> Result<(), ProjectError> {
        for item in items {
            let mut one = [item];
            if let Err(error) = self.store(log, from, &one).await {
                let ProjectError::Database(refused) = &error else { return Err(error) };
                let [item] = &mut one;
                let What::Event { recorded, .. } = &item.what else { return Err(error) };
                if !is_refused(refused) {
                    return Err(error);
                }
                tracing::error!(sequence = item.sequence, error = %refused, "PostgreSQL refuses an event: it is parked");
                let event = batch::park(recorded, format!("PostgreSQL refuses it: {refused}"));
                item.what = What::Parked(Box::new(event));
                self.store(log, from, &one).await?;
            }
        }
        Ok(())
    }

    async fn store(
        &self,
        log: LogId,
        from: &mut Option<Checkpoint>,
        items: &[Item],
    ) -> Result<(), ProjectError> {
        let Some(last) = items.last() else { return Ok(()) };
        let to = Checkpoint { log, sequence: last.sequence, event: last.event(), stored_at: last.stored_at };
        match batch::store(&self.pool, from.as_ref(), to, items).await? {
            Outcome::Fenced => Err(ProjectError::Fenced),
            Outcome::Stored { to, parked } => {
                *from = Some(to);
                let count = u64::try_from(items.len()).unwrap_or(u64::MAX);
                metrics::counter!("keyledger_projection_events_applied_total").increment(count);
                if parked > 0 {
                    self.count_parked().await?;
                }
                Ok(())
            }
        }
    }

    async fn prepare(&self, message: &Stored, log: LogId) -> Result<Item, ProjectError> {
        let what = match message.read(log) {
            Read::Event(recorded) => {
                let texts = text::open(&*self.unseal, &recorded).await?;
                match history::row(&recorded, &texts) {
                    Ok(row) => What::Event { recorded, texts, row: Box::new(row) },
                    Err(error) => What::Parked(Box::new(batch::park(&recorded, error.to_string()))),
                }
            }
            Read::Unreadable(unreadable) => {
                let envelope = unreadable.envelope;
                tracing::error!(sequence = message.sequence, subject = %envelope.subject, kind = %envelope.kind,
                    version = envelope.schema_version, reason = %unreadable.reason,
                    "an event can't be read: it is parked with what follows of its aggregate");
                let event = ParkedEvent {
                    sequence: message.sequence,
                    subject: envelope.subject,
                    event: envelope.id,
                    kind: envelope.kind.into(),
                    schema_version: envelope.schema_version,
                    stored_at: message.stored_at,
                    reason: unreadable.reason.to_string(),
                };
                What::Parked(Box::new(event.storable()))
            }
            Read::Foreign(foreign) => {
                tracing::error!(sequence = message.sequence, subject = %foreign.subject, reason = %foreign.reason,
                    "a message in the log is no event of ours: skipped");
                What::Foreign
            }
        };
        Ok(Item { sequence: message.sequence, stored_at: message.stored_at, what })
    }

    /// Keeps the gauges.
    async fn measure(&self) -> Infallible {
        loop {
            if let (Ok(info), Ok(checkpoint)) = (self.log.info().await, checkpoint::read(&self.pool).await) {
                set_lag(&info, checkpoint.as_ref());
                if let Err(error) = self.count_parked().await {
                    tracing::debug!(%error, "parked events were not counted");
                }
            }
            tokio::time::sleep(self.config.ask_every).await;
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float; the count stays far below 2^53")]
    async fn count_parked(&self) -> Result<(), ReadModelError> {
        metrics::gauge!("keyledger_parked_events").set(parked::count(&self.pool).await? as f64);
        Ok(())
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(100);

impl Item {
    fn event(&self) -> Option<events::EventId> {
        match &self.what {
            What::Event { recorded, .. } => Some(recorded.envelope.id),
            What::Parked(event) => Some(event.event),
            What::Foreign => None,
        }
    }
}

/// The database will refuse it again: data exception (SQLSTATE class 22), integrity violation (23), or a
/// statement beyond a limit (54).
fn is_refused(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| ["22", "23", "54"].iter().any(|class| code.starts_with(class)))
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; the count stays far below 2^53")]
fn set_lag(info: &events::log::StreamInfo, checkpoint: Option<&Checkpoint>) {
    let sequence = checkpoint.map_or(0, |checkpoint| checkpoint.sequence);
    let behind = info.last_sequence.saturating_sub(sequence);
    let seconds = match checkpoint {
        Some(checkpoint) if behind > 0 => info.server_time.since(checkpoint.stored_at).as_secs_f64(),
        Some(_) | None => 0.0,
    };
    metrics::gauge!("keyledger_projection_lag_events").set(behind as f64);
    metrics::gauge!("keyledger_projection_lag_seconds").set(seconds);
}
