//! The log's checkpoints (C2SP tlog-checkpoint): control signs them ([`Keeper`]), and every process compares the log that
//! it reads with the newest that its places know ([`Sources`]).
//!
//! Promises: none is signed of a log that contradicts one that was signed before; a process believes only what the
//! key that its vault knows has signed. The comparison itself is the directory's (`projections::directory::proof`),
//! the mathematics `events::tlog`'s.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use events::tlog::{Checkpoint, CheckpointError, Note, NoteError, VerifierKey, origin};
use events::{LogId, Shard};
use projections::directory::proof::{self, Attested, CheckpointsError};
use projections::postgres::{Pool, signed};

use crate::store::checkpoints::Checkpoints;
use crate::vault::{Remembered, Vault, VaultError};

mod error;
mod forest;
mod judge;
mod keeper;
mod keys;
pub mod loss;
mod serve;
mod witnesses;

pub use error::KeeperError;
pub use keeper::{Keeper, KeeperParts, Standing, WitnessState};
pub use keys::LogKeys;
pub use witnesses::Witnesses;

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

    /// The note that PostgreSQL keeps; a database that is away or has no table for it keeps none.
    async fn of_database(&self, log: LogId) -> Option<String> {
        match tokio::time::timeout(DATABASE, signed::newest(self.pool.as_ref()?, log)).await {
            Ok(Ok(note)) => note,
            Err(_) => None,
            Ok(Err(error)) => {
                tracing::debug!(%error, "PostgreSQL was not asked for its checkpoint");
                None
            }
        }
    }

    /// For an operator who accepts a loss: what the places know; and, apart, what PostgreSQL keeps in this log's name by a key
    /// that none of them knows. Its publication may be in what is lost, and nobody can prove it then.
    async fn beside_a_loss(&self, log: LogId) -> Result<(Vec<Attested>, Option<Attested>), CheckpointsError> {
        let Some((mut found, trusted)) = self.of_nats(log).await? else { return Ok((Vec::new(), None)) };
        // Nothing is accepted beside a database that did not answer: it may know of more.
        let unavailable = |error: String| CheckpointsError::Unavailable(format!("PostgreSQL: {error}"));
        let note = match &self.pool {
            Some(pool) => signed::newest(pool, log).await.map_err(|error| unavailable(error.to_string()))?,
            None => None,
        };
        let Some(note) = note else { return Ok((found, None)) };
        if let Some(unproven) = trusted.unproven(&note, "PostgreSQL") {
            return Ok((found, Some(unproven)));
        }
        found.push(trusted.attested(&note, "PostgreSQL")?.0);
        Ok((found, None))
    }

    /// `None`: nothing is signed yet.
    async fn of_nats(&self, log: LogId) -> Result<Option<(Vec<Attested>, Trusted)>, CheckpointsError> {
        let unavailable = |reason: String| CheckpointsError::Unavailable(reason);
        let stored = self.stream.newest().await.map_err(|error| unavailable(error.to_string()))?;
        let remembered = Remembered::load(&self.vault).await.map_err(|error| unopened(&error))?;
        let Some(Remembered { note, keys }) = remembered else {
            return match stored {
                None => Ok(None),
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
        Ok(Some((found, trusted)))
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
        let Some((mut found, trusted)) = self.of_nats(log).await? else { return Ok(Vec::new()) };
        if let Some(note) = self.of_database(log).await {
            found.push(trusted.attested(&note, "PostgreSQL")?.0);
        }
        Ok(found)
    }
}

fn unopened(error: &VaultError) -> CheckpointsError {
    let told = error.to_string();
    if error.is_forgery() { CheckpointsError::Forged(told) } else { CheckpointsError::Unavailable(told) }
}

/// By what a note is believed.
struct Trusted {
    origin: String,
    /// The last one signs now.
    keys: Vec<VerifierKey>,
}

impl Trusted {
    fn attested(&self, note: &str, place: &str) -> Result<(Attested, Note), CheckpointsError> {
        let forged = |reason: String| {
            CheckpointsError::Forged(format!("{place} holds a checkpoint that is none of this log: {reason}"))
        };
        let note: Note = note.parse().map_err(|error| forged(format!("{error}")))?;
        let checkpoint = match self.keys.last() {
            Some(now) => Checkpoint::open_judged(&note, &self.origin, &self.keys, now),
            None => Checkpoint::open(&note, &self.origin, &self.keys),
        };
        let Checkpoint { size, root, unsigned, .. } =
            checkpoint.map_err(|error| forged(error.to_string()))?;
        Ok((Attested { size, root, unsigned, place: place.to_owned() }, note))
    }

    /// A checkpoint in this log's name that nobody can prove: a key that is not known here signed it.
    fn unproven(&self, note: &str, place: &str) -> Option<Attested> {
        let note: Note = note.parse().ok()?;
        let opened = Checkpoint::open(&note, &self.origin, &self.keys);
        let Err(CheckpointError::Note(NoteError::OtherKey(_))) = opened else { return None };
        let Checkpoint { origin, size, root, unsigned, .. } = note.text().parse().ok()?;
        (origin == self.origin).then(|| Attested { size, root, unsigned, place: place.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use events::clock::SystemRandom;

    use super::*;
    use crate::vault::tests::{reopened, vault};
    use crate::vault::{Purpose, VaultName};

    #[tokio::test]
    async fn another_master_key_is_no_forgery_and_a_changed_entry_is() {
        let (entries, node) = vault(VaultName::Node, 1);
        let entry = "checkpoint.newest";
        node.get_or_create(entry, Purpose::Remembered, b"a note", &SystemRandom).await.unwrap();
        let told = Remembered::load(&reopened(VaultName::Node, &entries, 2)).await.unwrap_err();
        assert!(matches!(unopened(&told), CheckpointsError::Unavailable(_)), "{told}");
        assert!(matches!(KeeperError::from(told), KeeperError::Unavailable(_)));
        let changed = entries.0.lock().unwrap()[entry].clone();
        let changed =
            String::from_utf8(changed.to_vec()).unwrap().replace("\"nonce\":\"", "\"nonce\":\"AAAA");
        entries.0.lock().unwrap().insert(entry.to_owned(), changed.into());
        let told = Remembered::load(&node).await.unwrap_err();
        assert!(matches!(unopened(&told), CheckpointsError::Forged(_)), "{told}");
    }
}
