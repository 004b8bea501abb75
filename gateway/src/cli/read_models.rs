//! `keyledger read-models`: PostgreSQL's tables. They come from the log and can be built from it at any time.

use clap::{Args, Subcommand};
use projections::checkpoint;
use projections::postgres::{self, Pool, ReadModelError};

use super::error::CliError;
use super::output::Output;
use super::process::Configured;
use super::{Environment, block_on};
use crate::config::Role;
use crate::serve::worker;

#[derive(Debug, Subcommand)]
pub enum ReadModels {
    /// Empty them, so that the workers build them anew from the log's first event
    Rebuild(Rebuild),
}

/// Workers may run meanwhile: they notice, and start from the first event. Until they have caught up, lists and
/// histories are incomplete; keys are judged without them. What only the tables hold, since the log has lost it,
/// is gone: copy the database first if you want to look at it.
#[derive(Debug, Args)]
pub struct Rebuild {
    #[command(flatten)]
    configured: Configured,
}

impl ReadModels {
    pub fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let Self::Rebuild(Rebuild { configured }) = self;
        // As a worker, which alone keeps them, whatever roles the configuration names.
        let config = configured.load(vec![Role::Worker], environment)?;
        let done = block_on(async {
            let pool = worker::pool(&config)?;
            let done = rebuild(&pool).await;
            pool.close().await;
            Ok(done?)
        })?;
        output.line(done)
    }
}

/// What was done, in words. An empty database gets its tables.
async fn rebuild(pool: &Pool) -> Result<String, ReadModelError> {
    postgres::migrate(pool).await?;
    let held =
        checkpoint::all(pool).await?.into_iter().filter_map(|(_, held)| held).max_by_key(|it| it.sequence);
    postgres::rebuild(pool).await?;
    let held = held.map_or_else(
        || "held no event".to_owned(),
        |held| format!("held log {} up to event {}", held.log, held.sequence),
    );
    Ok(format!(
        "the read models {held}; they are empty now, and workers build them from the log's first event"
    ))
}

impl From<ReadModelError> for CliError {
    fn from(error: ReadModelError) -> Self {
        match error {
            ReadModelError::TooOld(_) => Self::Refused(error.to_string()),
            ReadModelError::Database(_) | ReadModelError::Migrate(_) | ReadModelError::Cursor(_) => {
                Self::Unavailable(error.to_string())
            }
        }
    }
}
