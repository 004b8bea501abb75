//! Why no checkpoint is signed, and no tile served.

use events::log::{FollowError, ReadError};
use events::tlog::{Checkpoint, Hash};

use crate::store::stream::StreamError;
use crate::vault::VaultError;

/// Why nothing is signed.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    #[error("{0}")]
    Unavailable(String),
    /// Too many read tiles of long ago.
    #[error("other tiles are being read")]
    Busy,
    #[error("message {sequence} is longer than {most} bytes, which no entry of a tile may be")]
    TooLong { sequence: u64, most: usize },
    /// For good, until somebody has looked.
    #[error("{0}")]
    Contradiction(String),
}

/// Whether what was read is what was signed.
pub(super) fn agree(known: &Checkpoint, root: Hash, place: &str) -> Result<(), KeeperError> {
    if known.root == root {
        return Ok(());
    }
    Err(KeeperError::Contradiction(format!(
        "its first {} messages are not those of the checkpoint that {place} knows; `keyledger events verify` tells which",
        known.size
    )))
}

pub(super) fn forged(place: &str, reason: &str) -> KeeperError {
    KeeperError::Contradiction(format!("{place} holds a checkpoint that is none of this log: {reason}"))
}

pub(super) fn followed(error: FollowError) -> KeeperError {
    match error {
        FollowError::Diverged(reason) => KeeperError::Contradiction(reason),
        FollowError::Unavailable(_) | FollowError::NotBootstrapped => {
            KeeperError::Unavailable(error.to_string())
        }
    }
}

impl From<ReadError> for KeeperError {
    fn from(error: ReadError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<StreamError> for KeeperError {
    fn from(error: StreamError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<VaultError> for KeeperError {
    fn from(error: VaultError) -> Self {
        let told = error.to_string();
        if error.is_forgery() { Self::Contradiction(told) } else { Self::Unavailable(told) }
    }
}
