//! `keyledger projections`: PostgreSQL's read models. They come from the log and can be built from it at any time.
//! All of it runs with a worker's configuration: a worker alone may write them and open what is sealed.

use std::sync::Arc;

use clap::Subcommand;
use events::clock::{Clock, Random, SystemClock, SystemRandom};
use events::log::Log;
use projections::Projection;
use projections::postgres::text::Unseal;
use projections::postgres::{self, Pool, ReadModelError};
use projections::rebuild::RebuildError;
use projections::runner::{ProjectError, Projector, ProjectorConfig};

use super::error::CliError;
use super::output::Output;
use super::process::Configured;
use super::{Environment, block_on};
use crate::config::{NatsRole, Role};
use crate::serve::{connections, worker};
use crate::store::Client;

mod compare;
pub(super) mod list;
mod lost;
mod parked;
mod rebuild;
mod shown;

#[derive(Debug, Subcommand)]
pub enum Projections {
    /// Show how far each is, who keeps it, and what waits in it
    List(list::List),
    /// Build a copy from the log, compare it with the live one, and switch
    Rebuild(rebuild::Rebuild),
    /// Build a copy from the log and compare it with the live one, which stays as it is
    Compare(compare::Compare),
    /// What they tell of and the log has lost, such as one that was restored from a backup
    Lost(lost::Lost),
    /// Events that could not be taken in
    #[command(subcommand)]
    Parked(parked::Parked),
}

impl Projections {
    pub fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        match self {
            Self::List(list) => block_on(list.run(environment, output)),
            Self::Rebuild(rebuild) => block_on(rebuild.run(environment, output)),
            Self::Compare(compare) => block_on(compare.run(environment, output)),
            Self::Lost(lost) => block_on(lost.run(environment, output)),
            Self::Parked(parked) => block_on(parked.run(environment, output)),
        }
    }
}

/// What a worker has.
struct AsWorker {
    log: Arc<dyn Log>,
    client: Client,
    pool: Pool,
    unseal: Arc<dyn Unseal>,
}

impl AsWorker {
    async fn connect(configured: Configured, environment: &Environment) -> Result<Self, CliError> {
        // As a worker, which alone keeps them, whatever roles the configuration names.
        let config = configured.load(vec![Role::Worker], environment)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let random: Arc<dyn Random> = Arc::new(SystemRandom);
        let log = connections::log(&config, NatsRole::Worker, &clock, &random).await?;
        let client = log.client().clone();
        let unseal = Arc::new(connections::sealing(&config, &client, &clock, &random).await?);
        let pool = worker::pool(&config)?;
        postgres::migrate(&pool).await?;
        Ok(Self { log: Arc::new(log), client, pool, unseal })
    }

    fn projector(&self, projection: Projection) -> Projector {
        let (log, unseal) = (Arc::clone(&self.log), Arc::clone(&self.unseal));
        Projector::new(projection, log, self.pool.clone(), unseal, ProjectorConfig::default())
    }
}

impl From<ReadModelError> for CliError {
    fn from(error: ReadModelError) -> Self {
        match error {
            ReadModelError::TooOld(_)
            | ReadModelError::NewerSchema { .. }
            | ReadModelError::Denied(_)
            | ReadModelError::MixedSessions => Self::Refused(error.to_string()),
            ReadModelError::Database(_)
            | ReadModelError::Full(_)
            | ReadModelError::Migrate(_)
            | ReadModelError::NoTables
            | ReadModelError::Cursor(_) => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<ProjectError> for CliError {
    fn from(error: ProjectError) -> Self {
        match error {
            ProjectError::ReadModel(error) => error.into(),
            ProjectError::Diverged(reason) => Self::Refused(reason),
            ProjectError::Database(_)
            | ProjectError::Unseal(_)
            | ProjectError::Fenced
            | ProjectError::Log(_) => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<RebuildError> for CliError {
    fn from(error: RebuildError) -> Self {
        match error {
            RebuildError::Differs(projection, _) => Self::Refused(format!(
                "{error}. If the log is right and the live one wrong: `keyledger projections rebuild {projection} \
                 --accept-difference`. To leave it as it is: `--discard`"
            )),
            RebuildError::NotComparable(projection, _) => Self::Refused(format!(
                "{error}. What it holds and the log does not would be gone: copy the database first, then \
                 `keyledger projections rebuild {projection} --accept-difference`"
            )),
            RebuildError::AlreadyRunning(_) | RebuildError::Busy(_) | RebuildError::OtherVersion => {
                Self::Refused(error.to_string())
            }
            RebuildError::ReadModels(error) => error.into(),
            RebuildError::Project(error) => error.into(),
            RebuildError::Database(_) | RebuildError::Log(_) => Self::Unavailable(format!(
                "{error}. Nothing was switched; the next rebuild goes on from here"
            )),
        }
    }
}
