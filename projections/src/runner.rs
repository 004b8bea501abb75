//! Keeps a projection: it follows the log and stores what it reads, batch by batch.
//!
//! It promises: each batch is one transaction with its checkpoint, which moves only from where this writer left
//! it; an event that comes twice is stored once; whatever fails (PostgreSQL, the log, the vault) is tried again
//! until it works, and then it catches up. When the log turns out not to be the one that the tables were built
//! from, it stores nothing more and says so: an operator decides on a rebuild.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use events::clock::SystemClock;
use events::lasting::{Lasting, Words};
use events::log::{FollowError, Log, ReadError, Stored};
use events::{Keyholder, LogId};
use serde::Serialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::Projection;
use crate::checkpoint::{self, Checkpoint};
use crate::postgres::text::{Unseal, UnsealError};
use crate::postgres::{self, Pool, ReadModelError};

mod ahead;
mod batch;
mod fold;
mod measure;
mod prepare;
mod reader;
mod unpark;

use batch::{Item, Outcome, What};
pub use measure::Measured;
use reader::Message;
pub use reader::Reader;
pub use unpark::Retried;

/// How it works.
#[derive(Clone, Copy, Debug)]
pub struct ProjectorConfig {
    /// Messages in one transaction, at most. 2,000: what is done once a batch weighs little then.
    pub batch: usize,
    /// The longest pause between two tries. 5 s.
    pub max_pause: Duration,
}

impl Default for ProjectorConfig {
    fn default() -> Self {
        Self { batch: 2_000, max_pause: Duration::from_secs(5) }
    }
}

/// How it fares.
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

/// Keeps one projection of one database.
pub struct Projector {
    projection: Projection,
    pool: Pool,
    unseal: Arc<dyn Unseal>,
    reader: Arc<Reader>,
    config: ProjectorConfig,
    state: watch::Sender<ProjectorState>,
    still: Lasting,
    /// Whose texts are not stored any more; `None`: not read yet.
    forgotten: Mutex<Option<HashSet<Keyholder>>>,
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

impl ProjectError {
    /// The same, with why PostgreSQL does not do what it should.
    async fn with_cause(self, pool: &Pool) -> Self {
        match self {
            Self::Database(error) | Self::ReadModel(ReadModelError::Database(error)) => {
                Self::ReadModel(ReadModelError::from(pool.cause(error).await).of(pool))
            }
            Self::ReadModel(_) | Self::Unseal(_) | Self::Fenced | Self::Log(_) | Self::Diverged(_) => self,
        }
    }
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
    pub fn new(
        projection: Projection,
        log: Arc<dyn Log>,
        pool: Pool,
        unseal: Arc<dyn Unseal>,
        config: ProjectorConfig,
    ) -> Self {
        let state = watch::Sender::new(ProjectorState::Starting);
        Self {
            projection,
            reader: Arc::new(Reader::new(log, Arc::default())),
            pool,
            unseal,
            config,
            state,
            still: standing_still(projection),
            forgotten: Mutex::new(None),
        }
    }

    /// Reads the log by this, which others may share.
    #[must_use]
    pub fn with_reader(self, reader: Arc<Reader>) -> Self {
        Self { reader, ..self }
    }

    pub fn projection(&self) -> Projection {
        self.projection
    }

    /// How it fares, now and from now on.
    pub fn state(&self) -> watch::Receiver<ProjectorState> {
        self.state.subscribe()
    }

    /// Brings the tables to this version's shape and keeps the projection until cancelled. A batch that is cut off
    /// by the end is stored whole or not at all.
    pub async fn run(&self, cancel: CancellationToken) {
        match cancel.run_until_cancelled(self.keep()).await {
            None => {}
            Some(never) => match never {},
        }
        self.state.send_replace(ProjectorState::Starting);
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
                    self.still.alarm(&format_args!("it was built from another log: `keyledger projections rebuild --accept-difference` builds it anew: {reason}"));
                    self.state.send_replace(ProjectorState::Diverged(reason));
                    pause = self.config.max_pause;
                }
                ProjectError::Fenced => {
                    tracing::warn!(projection = %self.projection, "another writer moved the checkpoint: reading it again")
                }
                error @ (ProjectError::Database(_)
                | ProjectError::ReadModel(_)
                | ProjectError::Unseal(_)
                | ProjectError::Log(_)) => {
                    let error = error.with_cause(&self.pool).await;
                    self.still.warn(&error);
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
        let mut from = checkpoint::read(&self.pool, self.projection).await?;
        // What was read ahead and never stored is read again.
        *self.forgotten.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let log = self.log_id().await?;
        if let Some(checkpoint) = from.as_ref().filter(|checkpoint| checkpoint.log != log) {
            let reason = format!("the log is {log}; it was built from {}", checkpoint.log);
            return Err(ProjectError::Diverged(reason));
        }
        if let Some(checkpoint) = &from {
            unpark::unpark(self, log, checkpoint, None).await?;
        }
        let follower = self.reader.follow(log, from.as_ref().map(Checkpoint::place)).await?;
        // That PostgreSQL answers is not that it takes in what is owed: a batch shows it.
        if self.end().await? <= place(&from) {
            self.goes_on();
        }
        let (mut ahead, reading) = ahead::read(self, log, follower);
        let storing = async {
            loop {
                let (taken, before) = (ahead.take().await, place(&from));
                self.store_or_park(log, &mut from, taken.items).await?;
                if place(&from) > before {
                    *progress = true;
                    self.goes_on();
                }
                if let Some(error) = taken.end {
                    return Err(error);
                }
            }
        };
        tokio::select! {
            biased;
            ended = storing => ended,
            never = reading => match never {},
        }
    }

    /// Takes in every event up to this sequence, which the log has, and no further. `tell` hears how far it is, after
    /// each batch.
    pub(crate) async fn take_in_up_to(
        &self,
        log: LogId,
        from: &mut Option<Checkpoint>,
        until: u64,
        mut tell: impl FnMut(u64),
    ) -> Result<(), ProjectError> {
        let follower = self.reader.follow(log, from.as_ref().map(Checkpoint::place)).await?;
        let (mut ahead, reading) = ahead::read(self, log, follower);
        let storing = async {
            while place(from) < until {
                let mut taken = ahead.take().await;
                taken.items.retain(|item| item.message.stored.sequence <= until);
                self.store_or_park(log, from, taken.items).await?;
                tell(place(from));
                if let Some(error) = taken.end.filter(|_| place(from) < until) {
                    return Err(error);
                }
            }
            Ok(())
        };
        tokio::select! {
            biased;
            stored = storing => stored,
            never = reading => match never {},
        }
    }

    fn goes_on(&self) {
        self.still.ended();
        self.state.send_if_modified(|state| {
            let changed = *state != ProjectorState::Following;
            *state = ProjectorState::Following;
            changed
        });
    }

    /// The sequence of the log's newest message.
    async fn end(&self) -> Result<u64, ProjectError> {
        let info = self.reader.log().info().await;
        info.map(|info| info.last_sequence).map_err(|error| ProjectError::Log(error.to_string()))
    }

    async fn log_id(&self) -> Result<LogId, ProjectError> {
        match self.reader.log().id().await {
            Ok(log) => Ok(log),
            Err(ReadError::ForeignLog(reason)) => Err(ProjectError::Diverged(reason)),
            Err(error @ (ReadError::Unavailable(_) | ReadError::NotBootstrapped)) => {
                Err(ProjectError::Log(error.to_string()))
            }
        }
    }

    /// Takes in what waits and can be read now: all of it, or one aggregate's. It may be called while somebody
    /// keeps the projection; [`ProjectError::Fenced`] says that they were faster, and to try again.
    pub async fn retry_parked(&self, only: Option<&str>) -> Result<Retried, ProjectError> {
        let log = self.log_id().await?;
        match checkpoint::read(&self.pool, self.projection).await? {
            Some(checkpoint) => unpark::unpark(self, log, &checkpoint, only).await,
            None => Ok(Retried::default()),
        }
    }

    /// Stores messages that follow the checkpoint, and moves it. Those up to the checkpoint are passed over.
    pub async fn project(
        &self,
        log: LogId,
        from: &mut Option<Checkpoint>,
        messages: &[Stored],
    ) -> Result<(), ProjectError> {
        let mut items = Vec::with_capacity(messages.len());
        for message in messages {
            items.push(self.prepare(Arc::new(Message::new(message.clone())), log).await?);
        }
        self.store_or_park(log, from, items).await
    }

    async fn store_or_park(
        &self,
        log: LogId,
        from: &mut Option<Checkpoint>,
        mut items: Vec<Item>,
    ) -> Result<(), ProjectError> {
        let place = place(from);
        items.retain(|item| item.message.stored.sequence > place);
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
                let What::Event(event) = &item.what else { return Err(error) };
                if !is_refused(refused) {
                    return Err(error);
                }
                tracing::error!(projection = %self.projection, sequence = item.message.stored.sequence, error = %refused, "PostgreSQL refuses an event: it is parked");
                let event = batch::park(&event.recorded, format!("PostgreSQL refuses it: {refused}"));
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
        let Stored { sequence, stored_at, .. } = last.message.stored;
        let to = Checkpoint { log, sequence, event: last.message.stored.read(log).event_id(), stored_at };
        match batch::store(&self.pool, self.projection, from.as_ref(), to, items).await? {
            Outcome::Fenced => Err(ProjectError::Fenced),
            Outcome::Stored { to, parked } => {
                *from = Some(to);
                let count = |items: usize| u64::try_from(items).unwrap_or(u64::MAX);
                let projection = self.projection.as_str();
                metrics::counter!("keyledger_projection_events_applied_total", "projection" => projection)
                    .increment(count(items.len()));
                if parked > 0 {
                    metrics::counter!("keyledger_projection_events_parked_total", "projection" => projection)
                        .increment(count(parked));
                }
                Ok(())
            }
        }
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(100);

fn place(from: &Option<Checkpoint>) -> u64 {
    from.as_ref().map_or(0, |checkpoint| checkpoint.sequence)
}

fn standing_still(projection: Projection) -> Lasting {
    let words = Words { lasts: "the projection stands still", ends: "the projection goes on" };
    Lasting::new(Arc::new(SystemClock), words).of(projection.as_str())
}

/// The database will refuse it again: data exception (SQLSTATE class 22), integrity violation (23), or a
/// statement beyond a limit (54).
fn is_refused(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| ["22", "23", "54"].iter().any(|class| code.starts_with(class)))
}
