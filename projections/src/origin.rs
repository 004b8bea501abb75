//! Whether the log still holds what the read models were built from. A log that was restored from a backup has
//! lost what came after it, revocations among it, and a directory that starts anew can't know; the read models
//! can. Every worker looks, whoever keeps the projections at the moment.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use events::clock::SystemClock;
use events::lasting::{Lasting, Words};
use events::log::{Log, ReadError};
use tokio::sync::watch;

use crate::checkpoint::{self, Checkpoint};
use crate::postgres::{self, Pool, ReadModelError};

/// What is known of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BuiltFrom {
    /// Nobody has looked yet.
    Unknown,
    /// Nothing is known against it.
    SameLog,
    /// The read models hold what the log has lost, or another log's events: which.
    Diverged(String),
}

/// Why nothing was compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    #[error(transparent)]
    ReadModels(#[from] ReadModelError),
    #[error(transparent)]
    Log(#[from] ReadError),
}

/// The read models as a worker meets them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadModels {
    pub built_from: BuiltFrom,
    /// They are a newer version's: this one reads them, and keeps none of them.
    pub newer: Option<String>,
}

impl ReadModels {
    pub const UNKNOWN: Self = Self { built_from: BuiltFrom::Unknown, newer: None };
}

/// Looks now and again, and tells. PostgreSQL silent is nothing against the log: keys are judged without it. What
/// was found once stands until it is found otherwise.
pub async fn keep_looking(
    log: Arc<dyn Log>,
    pool: Pool,
    every: Duration,
    tell: watch::Sender<ReadModels>,
) -> Infallible {
    let words = Words {
        lasts: "the read models were built from another log: nothing may rest on this one until somebody has decided",
        ends: "the read models are of this log",
    };
    let another = Lasting::new(Arc::new(SystemClock), words);
    loop {
        // Tables of a version before this one keep their places elsewhere. A newer one may come at any time.
        let looked = match postgres::migrate(&pool).await {
            Ok(()) => {
                tell_newer(&tell, None);
                look(&*log, &pool).await
            }
            Err(newer @ ReadModelError::NewerSchema { .. }) => {
                tell_newer(&tell, Some(newer.to_string()));
                look(&*log, &pool).await
            }
            Err(error) => Err(error.into()),
        };
        match looked {
            Ok(origin) => {
                let diverged = matches!(origin, BuiltFrom::Diverged(_));
                metrics::gauge!("keyledger_read_models_diverged").set(if diverged { 1.0 } else { 0.0 });
                match &origin {
                    BuiltFrom::Diverged(reason) => another.alarm(reason),
                    BuiltFrom::Unknown | BuiltFrom::SameLog => another.ended(),
                }
                tell.send_if_modified(|known| {
                    let changed = known.built_from != origin;
                    known.built_from = origin;
                    changed
                });
            }
            Err(CompareError::ReadModels(error)) => {
                tracing::debug!(%error, "the read models were not compared with the log");
                tell.send_if_modified(|known| {
                    let first = known.built_from == BuiltFrom::Unknown;
                    if first {
                        known.built_from = BuiltFrom::SameLog;
                    }
                    first
                });
            }
            Err(CompareError::Log(error)) => {
                tracing::debug!(%error, "the read models were not compared with the log")
            }
        }
        tokio::time::sleep(every).await;
    }
}

fn tell_newer(tell: &watch::Sender<ReadModels>, newer: Option<String>) {
    metrics::gauge!("keyledger_read_models_newer_schema").set(if newer.is_some() { 1.0 } else { 0.0 });
    tell.send_if_modified(|known| {
        let changed = known.newer != newer;
        if let Some(reason) = newer.as_ref().filter(|_| changed) {
            tracing::warn!(%reason, "this worker keeps no read models");
        }
        known.newer = newer;
        changed
    });
}

/// Compares every projection's place with the log.
pub async fn look(log: &dyn Log, pool: &Pool) -> Result<BuiltFrom, CompareError> {
    let mut compared: HashMap<Checkpoint, Option<String>> = HashMap::new();
    for (projection, checkpoint) in checkpoint::all(pool).await? {
        let Some(checkpoint) = checkpoint else { continue };
        let found = match compared.get(&checkpoint) {
            Some(found) => found.clone(),
            None => against(log, &checkpoint).await?,
        };
        if let Some(reason) = &found {
            return Ok(BuiltFrom::Diverged(format!("`{projection}` {reason}")));
        }
        compared.insert(checkpoint, found);
    }
    Ok(BuiltFrom::SameLog)
}

/// Reads the event at a checkpoint back. What speaks against the log, if anything.
pub async fn against(log: &dyn Log, checkpoint: &Checkpoint) -> Result<Option<String>, ReadError> {
    let built_from = checkpoint.log;
    match log.id().await {
        Ok(here) if here != built_from => {
            return Ok(Some(format!("was built from the log {built_from}; this one is {here}")));
        }
        Ok(_) => {}
        Err(ReadError::ForeignLog(reason)) => return Ok(Some(reason)),
        Err(error @ (ReadError::Unavailable(_) | ReadError::NotBootstrapped)) => return Err(error),
    }
    let at = checkpoint.sequence;
    Ok(match log.message(at).await? {
        Some(stored) if stored.read(built_from).event_id() == checkpoint.event => None,
        Some(_) => Some(format!("has another event at {at} than the log: another event stands there")),
        None => {
            let end = log.info().await?.last_sequence;
            Some(format!("has events up to {at}, and the log has none there: it ends at {end}"))
        }
    })
}
