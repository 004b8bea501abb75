//! The newest checkpoint that control has signed, with the public keys of the log's checkpoints: sealed in the vaults
//! of those who are to believe no other, so that neither who can write NATS's files nor who can write its streams
//! makes one up.

use events::clock::Random;
use events::tlog::{Note, VerifierKey};
use serde::{Deserialize, Serialize};

use super::{Purpose, Vault, VaultError};

const ENTRY: &str = "checkpoint.newest";

/// What a vault knows of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Remembered {
    pub note: Note,
    /// Those that checkpoints are believed by, of before and of now: the last one signs.
    pub keys: Vec<VerifierKey>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    note: String,
    keys: Vec<VerifierKey>,
}

impl Remembered {
    /// `None`: nothing was signed yet.
    pub async fn load(vault: &Vault) -> Result<Option<Self>, VaultError> {
        let Some(value) = vault.get(ENTRY, Purpose::Remembered).await? else { return Ok(None) };
        let broken = || vault.broken(ENTRY, "it is no checkpoint with its keys");
        let Stored { note, keys } = serde_json::from_slice(&value).map_err(|_| broken())?;
        let note = note.parse().map_err(|_| broken())?;
        Ok(Some(Self { note, keys }))
    }

    /// In place of what was known before. As control, which alone may write the node's vault.
    pub async fn store(&self, vault: &Vault, random: &dyn Random) -> Result<(), VaultError> {
        let stored = Stored { note: self.note.to_string(), keys: self.keys.clone() };
        let value = serde_json::to_vec(&stored).map_err(|_| vault.broken(ENTRY, "it can't be encoded"))?;
        vault.replace(ENTRY, Purpose::Remembered, &value, random).await
    }
}
