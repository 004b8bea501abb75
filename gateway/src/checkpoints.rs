//! The log's checkpoints (C2SP tlog-checkpoint): control signs them ([`Keeper`]), and every process compares the log that
//! it reads with the newest that its places know ([`Sources`]).
//!
//! Promises: none is signed of a log that contradicts one that was signed before; a process believes only what the
//! key that its vault knows has signed. The comparison itself is the directory's (`projections::directory::proof`),
//! the mathematics `events::tlog`'s.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use events::tlog::{Checkpoint, Note, VerifierKey, origin};
use events::{LogId, Shard};
use projections::directory::proof::{self, Attested, CheckpointsError};
use projections::postgres::{Pool, signed};

use crate::store::checkpoints::Checkpoints;
use crate::vault::{Remembered, Vault, VaultError};

mod error;
mod forest;
mod keeper;
mod keys;
pub mod loss;
mod serve;

pub use error::KeeperError;
pub use keeper::{Keeper, KeeperParts};
pub use keys::LogKeys;

/// PostgreSQL is asked for no longer: keys are judged without it.
const DATABASE: Duration = Duration::from_secs(2);

/// Where a process finds checkpoints.
pub struct Sources {
    stream: Checkpoints,
    /// The node's vault; a worker that is nothing else has the people vault.
    vault: Vault,
    /// A worker's read models, which keep the newest beside them.
    pool: Option<Pool>,
    /// The newest that PostgreSQL is known to keep.
    kept: Mutex<u64>,
}

impl Sources {
    pub fn new(stream: Checkpoints, vault: Vault, pool: Option<Pool>) -> Self {
        Self { stream, vault, pool, kept: Mutex::new(0) }
    }

    /// What PostgreSQL knows; a database that is away or has no table for it knows nothing.
    async fn of_database(&self, log: LogId, trusted: &Trusted) -> Result<Option<Attested>, CheckpointsError> {
        let Some(pool) = &self.pool else { return Ok(None) };
        match tokio::time::timeout(DATABASE, signed::newest(pool, log)).await {
            Ok(Ok(Some(note))) => trusted.attested(&note, "PostgreSQL").map(|(attested, _)| Some(attested)),
            Ok(Ok(None)) | Err(_) => Ok(None),
            Ok(Err(error)) => {
                tracing::debug!(%error, "PostgreSQL was not asked for its checkpoint");
                Ok(None)
            }
        }
    }

    async fn keep(&self, log: LogId, size: u64, note: &Note) {
        let Some(pool) = &self.pool else { return };
        if size <= *self.kept() {
            return;
        }
        let kept = tokio::time::timeout(DATABASE, signed::keep(pool, log, size, &note.to_string())).await;
        match kept {
            Ok(Ok(())) => *self.kept() = size,
            Ok(Err(error)) => tracing::debug!(%error, "PostgreSQL does not keep the newest checkpoint"),
            Err(_) => {}
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, u64> {
        self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[async_trait]
impl proof::Checkpoints for Sources {
    async fn newest(&self, log: LogId) -> Result<Vec<Attested>, CheckpointsError> {
        let unavailable = |reason: String| CheckpointsError::Unavailable(reason);
        let stored = self.stream.newest().await.map_err(|error| unavailable(error.to_string()))?;
        let remembered = match Remembered::load(&self.vault).await {
            Ok(remembered) => remembered,
            Err(error @ VaultError::Sealed { .. }) => {
                return Err(CheckpointsError::Forged(error.to_string()));
            }
            Err(error) => return Err(unavailable(error.to_string())),
        };
        let Some(Remembered { note, keys }) = remembered else {
            return match stored {
                None => Ok(Vec::new()),
                // Control stores it there with its first checkpoint, or when it starts.
                Some(_) => {
                    Err(unavailable("the vault does not know yet by which key they are signed".to_owned()))
                }
            };
        };
        let trusted = Trusted { origin: origin(log, Shard::ZERO), keys };
        let (vaults, _) = trusted.attested(&note.to_string(), "the vault")?;
        let mut found = vec![vaults];
        if let Some(stored) = stored {
            let place = format!("message {} of KL_CHECKPOINTS", stored.sequence);
            let (attested, note) = trusted.attested(&stored.text, &place)?;
            self.keep(log, attested.size, &note).await;
            found.push(attested);
        }
        found.extend(self.of_database(log, &trusted).await?);
        Ok(found)
    }
}

/// By what a note is believed.
struct Trusted {
    origin: String,
    keys: Vec<VerifierKey>,
}

impl Trusted {
    fn attested(&self, note: &str, place: &str) -> Result<(Attested, Note), CheckpointsError> {
        let forged = |reason: String| {
            CheckpointsError::Forged(format!("{place} holds a checkpoint that is none of this log: {reason}"))
        };
        let note: Note = note.parse().map_err(|error| forged(format!("{error}")))?;
        let checkpoint = Checkpoint::open(&note, &self.origin, &self.keys);
        let Checkpoint { size, root, .. } = checkpoint.map_err(|error| forged(error.to_string()))?;
        Ok((Attested { size, root, place: place.to_owned() }, note))
    }
}
