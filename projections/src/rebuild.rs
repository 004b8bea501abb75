//! Builds a projection anew: a copy beside the live one, from the log's first event; compared with the live one at
//! the same place of the log; put in its place in one transaction. Reads go on meanwhile, and so do workers.
//!
//! The copy has a schema of its own with tables of the same names, so that the same SQL fills it. Interrupted, the
//! next rebuild goes on from where it came to. Two at once are refused. What only the live one holds, since the
//! log has lost it, is gone after the switch: that is said before, and must be accepted.

use std::sync::Arc;

use events::LogId;
use events::log::{Log, ReadError};
use serde::Serialize;
use sqlx::{Connection, PgConnection};

use crate::Projection;
use crate::checkpoint::{self, Checkpoint};
use crate::origin;
use crate::postgres::text::Unseal;
use crate::postgres::{self, Pool, ReadModelError};
use crate::runner::{ProjectError, Projector, ProjectorConfig};

mod compare;
mod copy;
mod switch;

pub use compare::{Comparison, Difference, Kind};
use copy::Copy;
pub use copy::{Unfinished, discard, unfinished};

/// A rebuild of one projection.
pub struct Rebuild {
    pub projection: Projection,
    pub log: Arc<dyn Log>,
    /// The live read models.
    pub pool: Pool,
    pub unseal: Arc<dyn Unseal>,
    pub config: ProjectorConfig,
    /// Switch also when the copy differs from the live one, or can't be compared with it.
    pub accept_difference: bool,
}

/// How far it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// The copy has the events up to `done`, of `until`.
    Filling {
        done: u64,
        until: u64,
    },
    Comparing,
    Switching,
}

/// A rebuild that is done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Rebuilt {
    pub projection: Projection,
    /// Where an earlier rebuild had been interrupted; 0: this one began anew.
    pub resumed_after: u64,
    /// The sequence up to which every event was in it when it was switched.
    pub applied: u64,
    /// `null`: the live one could not be compared: why is `not_compared`.
    pub compared: Option<Comparison>,
    pub not_compared: Option<String>,
}

/// Why nothing was switched. The copy stays, for the next rebuild to go on with.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    #[error("`{0}` is being rebuilt by somebody else")]
    AlreadyRunning(Projection),
    #[error("the copy of `{0}` differs from the live one: {1}")]
    Differs(Projection, Box<Comparison>),
    #[error("`{0}` can't be compared with a copy of it: it {1}")]
    NotComparable(Projection, String),
    #[error("`{0}` is read without a pause, and could not be switched: try again")]
    Busy(Projection),
    #[error("another version has changed the tables meanwhile: rebuild with that one")]
    OtherVersion,
    #[error(transparent)]
    ReadModels(#[from] ReadModelError),
    #[error("PostgreSQL: {0}")]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Project(#[from] ProjectError),
    #[error("{0}")]
    Log(#[from] ReadError),
}

impl Rebuild {
    /// Does all of it. `tell` hears how far it is, after each batch.
    pub async fn run(&self, mut tell: impl FnMut(Progress)) -> Result<Rebuilt, RebuildError> {
        postgres::migrate(&self.pool).await?;
        let log = self.log.id().await?;
        let mut locked = lock(&self.pool, self.projection).await?;
        let done = self.run_alone(log, &mut locked, &mut tell).await;
        unlock(locked).await;
        done
    }

    /// Builds a copy and compares it with the live one, which stays as it is. The copy is thrown away, as is what an
    /// unfinished rebuild has left, which it goes on from.
    pub async fn only_compare(&self, mut tell: impl FnMut(Progress)) -> Result<Comparison, RebuildError> {
        let log = self.log.id().await?;
        let mut locked = lock(&self.pool, self.projection).await?;
        let found = self.compare_alone(log, &mut locked, &mut tell).await;
        unlock(locked).await;
        found
    }

    async fn compare_alone(
        &self,
        log: LogId,
        locked: &mut PgConnection,
        tell: &mut impl FnMut(Progress),
    ) -> Result<Comparison, RebuildError> {
        let copy = Copy::open(&self.pool, self.projection, log, locked).await?;
        let compared = async {
            let mut filling = self.filling(log, &copy).await?;
            match self.against_live(&filling).await? {
                None => self.compare(&mut filling, &copy, tell).await,
                Some(why) => Err(RebuildError::NotComparable(self.projection, why)),
            }
        };
        let compared = compared.await;
        copy.pool.close().await;
        copy::throw_away(locked, self.projection).await?;
        compared
    }

    async fn run_alone(
        &self,
        log: LogId,
        locked: &mut PgConnection,
        tell: &mut impl FnMut(Progress),
    ) -> Result<Rebuilt, RebuildError> {
        let copy = Copy::open(&self.pool, self.projection, log, locked).await?;
        let outcome = self.build(log, locked, &copy, tell).await;
        copy.pool.close().await;
        outcome
    }

    async fn build(
        &self,
        log: LogId,
        locked: &mut PgConnection,
        copy: &Copy,
        tell: &mut impl FnMut(Progress),
    ) -> Result<Rebuilt, RebuildError> {
        let mut filling = self.filling(log, copy).await?;
        let resumed_after = filling.sequence();
        let (compared, not_compared) = match self.against_live(&filling).await? {
            None => {
                let comparison = self.compare(&mut filling, copy, tell).await?;
                if !comparison.is_equal() && !self.accept_difference {
                    return Err(RebuildError::Differs(self.projection, Box::new(comparison)));
                }
                (Some(comparison), None)
            }
            Some(why) if self.accept_difference => (None, Some(why)),
            Some(why) => return Err(RebuildError::NotComparable(self.projection, why)),
        };
        let live_is_followed = compared.is_some();
        self.switch(&mut filling, locked, copy, live_is_followed, tell).await?;
        let applied = filling.sequence();
        Ok(Rebuilt { projection: self.projection, resumed_after, applied, compared, not_compared })
    }

    async fn filling(&self, log: LogId, copy: &Copy) -> Result<Filling, RebuildError> {
        Ok(Filling {
            projector: Projector::new(
                self.projection,
                Arc::clone(&self.log),
                copy.pool.clone(),
                Arc::clone(&self.unseal),
                self.config,
            ),
            at: checkpoint::read(&copy.pool, self.projection).await?,
            log,
        })
    }

    /// Why the live projection can't be compared with the copy, if so.
    async fn against_live(&self, filling: &Filling) -> Result<Option<String>, RebuildError> {
        let Some(live) = checkpoint::read(&self.pool, self.projection).await? else {
            return Ok(Some("has nothing yet".to_owned()));
        };
        if let Some(why) = origin::against(&*self.log, &live).await? {
            return Ok(Some(why));
        }
        // An earlier rebuild that did not follow the live one has left it. Behind, it is brought to the same place.
        let copy = filling.sequence();
        Ok((copy > live.sequence).then(|| {
            format!(
                "is at event {} and the copy, which an earlier rebuild has left, at {copy} already: wait until the \
                 worker is there, or throw the copy away with --discard",
                live.sequence
            )
        }))
    }
}

/// A copy on its way.
struct Filling {
    projector: Projector,
    at: Option<Checkpoint>,
    log: LogId,
}

impl Filling {
    fn sequence(&self) -> u64 {
        self.at.as_ref().map_or(0, |at| at.sequence)
    }

    /// Takes in every event up to this sequence, which the log has, and no further.
    async fn up_to(&mut self, until: u64, tell: &mut impl FnMut(Progress)) -> Result<(), RebuildError> {
        if self.sequence() >= until {
            return Ok(());
        }
        let told = |done| tell(Progress::Filling { done, until });
        Ok(self.projector.take_in_up_to(self.log, &mut self.at, until, told).await?)
    }
}

/// Keeps others from rebuilding the same projection, as long as the connection lives.
async fn lock(pool: &Pool, projection: Projection) -> Result<PgConnection, RebuildError> {
    let mut connection = pool.inner().acquire().await?.detach();
    let locked: bool =
        sqlx::query_scalar("SELECT pg_try_advisory_lock(hashtext('keyledger rebuild'), hashtext($1))")
            .bind(projection.as_str())
            .fetch_one(&mut connection)
            .await?;
    if locked { Ok(connection) } else { Err(RebuildError::AlreadyRunning(projection)) }
}

/// At once; else it ends with the connection, which PostgreSQL notices a little later.
async fn unlock(mut connection: PgConnection) {
    let unlocked = sqlx::query("SELECT pg_advisory_unlock_all()").execute(&mut connection).await;
    if let Err(error) = unlocked.and(connection.close().await) {
        tracing::debug!(%error, "the rebuild's lock ends with its connection");
    }
}
