//! Vaults: what must be kept and can't be public. Each value lies in a KV bucket of its role, sealed under that
//! role's master key to its place, so that a value moved to another entry, purpose or vault does not open.
//!
//! What lies in them: [`node`] (peppers, the identity key, the session key), [`sealing`] (the keys of people's
//! and organizations' texts) [`signer`] (the keys that sign events
//! and heads of the log), [`token_key`] (the keys that sign access tokens) and [`snapshot`] (the keys that sign the directory's snapshots). Where the entries are kept is left to [`Entries`], which
//! `store::kv` implements over NATS.

mod held;
pub mod identities;
pub mod issuer;
pub mod master;
pub mod node;
pub mod passing;
pub mod remembered;
pub mod renewal;
mod reseal;
pub mod ring;
pub mod sealing;
pub mod signer;
pub mod snapshot;
pub mod token_key;
mod unseal;
pub mod webhook;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use events::clock::Random;
use events::parts;
use events::sealed::SealedBytes;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use held::Master;
pub use identities::Identities;
pub use issuer::{IssuerCredential, IssuerCredentials};
pub use master::{MasterKey, MasterKeyError};
pub use node::{IdentityKey, NodeSecrets, Peppers, SessionKey};
pub use passing::{PassingKey, PassingKeys};
pub use remembered::Remembered;
pub use reseal::Resealed;
pub use ring::Ring;
pub use sealing::{SealingKey, SealingKeys};
pub use snapshot::{SnapshotKey, SnapshotKeys};
pub use webhook::WebhookSecrets;
pub use writer::VaultWriter;

/// A bucket of sealed entries.
#[async_trait]
pub trait Entries: Send + Sync + 'static {
    async fn get(&self, name: &str) -> Result<Option<Bytes>, VaultError>;

    /// `false`: there is an entry of this name already, which stays as it is.
    async fn create(&self, name: &str, value: Bytes) -> Result<bool, VaultError>;

    /// Stores the value, whatever was there.
    async fn replace(&self, name: &str, value: Bytes) -> Result<(), VaultError>;

    /// Deletes the entry and every trace of it.
    async fn purge(&self, name: &str) -> Result<(), VaultError>;

    /// Of every entry, deleted ones perhaps among them.
    async fn names(&self) -> Result<Vec<String>, VaultError>;

    /// Stores a value where the entry still holds this one; `false`: it does not.
    async fn swap(&self, name: &str, from: &Bytes, to: Bytes) -> Result<bool, VaultError>;
}

#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error("the {vault} vault can't be reached: {reason}")]
    Unavailable { vault: &'static str, reason: String },
    #[error("entry `{entry}` of the {vault} vault does not open: {reason}")]
    Sealed { vault: &'static str, entry: String, reason: &'static str },
    /// Says nothing of the entry: the master key file may be the wrong one, and be put right.
    #[error(
        "entry `{entry}` of the {vault} vault is sealed under the master key {wanted}, and those here are {here}: put the \
         line of {wanted} back into {file}; a process that runs takes it by itself"
    )]
    OtherKey { vault: &'static str, entry: String, wanted: String, here: String, file: String },
    #[error("the {vault} vault has no `{entry}`: run `keyledger bootstrap`, or restore the vault's backup")]
    Missing { vault: &'static str, entry: String },
    #[error("two vaults hold another `{entry}` each: restore all vaults from one backup")]
    Disagree { entry: String },
    #[error("a text sealed under `{entry}` does not open: it was changed, or moved from another field")]
    Text { entry: String },
    #[error("a text to seal is at most {} bytes long", SealingKey::MAX_TEXT_BYTES)]
    TextTooLong,
}

impl VaultError {
    /// Whether an entry was changed by somebody: what can't be reached, or is under a key that is not here, says nothing of it.
    pub fn is_forgery(&self) -> bool {
        match self {
            Self::Sealed { .. } => true,
            Self::Unavailable { .. }
            | Self::OtherKey { .. }
            | Self::Missing { .. }
            | Self::Disagree { .. }
            | Self::Text { .. }
            | Self::TextTooLong => false,
        }
    }
}

/// Which vault it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum VaultName {
    /// Peppers, the identity key, the session key.
    Node,
    /// Peppers, for issuing keys; the private keys of writers and checkpoints.
    Control,
    /// People's and organizations' sealing keys.
    People,
}

impl VaultName {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Control => "control",
            Self::People => "people",
        }
    }
}

/// A bucket with the master key that opens it.
#[derive(Clone)]
pub struct Vault {
    name: VaultName,
    entries: Arc<dyn Entries>,
    master: Arc<Master>,
}

/// What a value is for; part of what it is sealed to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    Pepper,
    Identity,
    Session,
    Sealing,
    /// The private half of a snapshot key.
    Snapshot,
    /// The public half.
    SnapshotPublic,
    /// A private key that signs events.
    Writer,
    /// The public half of the first of them.
    FirstWriter,
    /// A private key that signs heads of the log.
    Checkpoint,
    /// The newest checkpoint of the log.
    Remembered,
    /// What signs the messages of a webhook.
    Webhook,
    /// Under which people's identities are made into digests.
    Identities,
    /// What passes at the authorization server is sealed and named with it.
    Passing,
    /// With what the gateway shows an issuer who it is.
    Issuer,
    /// A private key that signs access tokens.
    Token,
}

impl Purpose {
    const ALL: [Self; 15] = [
        Self::Pepper,
        Self::Identity,
        Self::Session,
        Self::Sealing,
        Self::Snapshot,
        Self::SnapshotPublic,
        Self::Writer,
        Self::FirstWriter,
        Self::Checkpoint,
        Self::Remembered,
        Self::Webhook,
        Self::Passing,
        Self::Identities,
        Self::Issuer,
        Self::Token,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Pepper => "pepper",
            Self::Identity => "identity",
            Self::Session => "session",
            Self::Sealing => "sealing",
            Self::Snapshot => "snapshot",
            Self::SnapshotPublic => "snapshot-public",
            Self::Writer => "writer",
            Self::FirstWriter => "first-writer",
            Self::Checkpoint => "checkpoint",
            Self::Remembered => "remembered",
            Self::Webhook => "webhook",
            Self::Identities => "identities",
            Self::Passing => "passing",
            Self::Issuer => "issuer",
            Self::Token => "token",
        }
    }
}

/// The stored form of a value, version 1.
#[derive(Serialize, Deserialize)]
struct Wire {
    version: u32,
    /// The id of the master key that it is sealed under.
    master: String,
    nonce: SealedBytes,
    /// AES-256-GCM with its tag.
    ciphertext: SealedBytes,
}

const VERSION: u32 = 1;

impl Vault {
    pub fn new(name: VaultName, entries: Arc<dyn Entries>, master: MasterKey) -> Self {
        Self { name, entries, master: Arc::new(Master::fixed(&master)) }
    }

    /// Under the master keys of this file, which is read anew: see [`held`].
    pub fn with_file(
        name: VaultName,
        entries: Arc<dyn Entries>,
        file: PathBuf,
    ) -> Result<Self, MasterKeyError> {
        Ok(Self { name, entries, master: Arc::new(Master::of_file(file)?) })
    }

    pub fn name(&self) -> VaultName {
        self.name
    }

    /// A value in the clear; `None`: there is none of this name.
    pub async fn get(&self, entry: &str, purpose: Purpose) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
        match self.entries.get(entry).await? {
            Some(stored) => self.open(entry, purpose, &stored).map(Some),
            None => Ok(None),
        }
    }

    /// The value of an entry, created from `drawn` when there is none. Of several who create at once one wins,
    /// and all get the winner's value.
    pub async fn get_or_create(
        &self,
        entry: &str,
        purpose: Purpose,
        drawn: &[u8],
        random: &dyn Random,
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        if let Some(value) = self.get(entry, purpose).await? {
            return Ok(value);
        }
        let sealed = self.seal(entry, purpose, drawn, random).await?;
        if self.entries.create(entry, sealed).await? {
            return Ok(Zeroizing::new(drawn.to_vec()));
        }
        self.get(entry, purpose).await?.ok_or_else(|| self.unavailable("an entry came and went"))
    }

    /// Seals a value into the entry, whatever was there.
    pub async fn replace(
        &self,
        entry: &str,
        purpose: Purpose,
        value: &[u8],
        random: &dyn Random,
    ) -> Result<(), VaultError> {
        let sealed = self.seal(entry, purpose, value, random).await?;
        self.entries.replace(entry, sealed).await
    }

    pub async fn purge(&self, entry: &str) -> Result<(), VaultError> {
        self.entries.purge(entry).await
    }

    async fn seal(
        &self,
        entry: &str,
        purpose: Purpose,
        value: &[u8],
        random: &dyn Random,
    ) -> Result<Bytes, VaultError> {
        let place = self.place(entry, purpose, VERSION);
        let master = self.key_to_seal().await?;
        let sealed = master.seal(&place, value, random);
        let sealed = sealed.map_err(|_| self.broken(entry, "it can't be sealed"))?;
        let wire = Wire {
            version: VERSION,
            master: master.id().to_owned(),
            nonce: SealedBytes(sealed.nonce.to_vec()),
            ciphertext: SealedBytes(sealed.ciphertext),
        };
        let json = serde_json::to_vec(&wire).map_err(|_| self.broken(entry, "it can't be encoded"))?;
        Ok(json.into())
    }

    fn open(&self, entry: &str, purpose: Purpose, stored: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let wire = self.wire(entry, stored)?;
        if wire.version != VERSION {
            return Err(self.broken(entry, "its version is newer than this program"));
        }
        let master =
            self.master.that_opens(&wire.master).ok_or_else(|| self.unopened(entry, &wire.master))?;
        let value = master
            .open(&self.place(entry, purpose, wire.version), &wire.nonce.0, wire.ciphertext.0)
            .map_err(|_| self.broken(entry, "it was changed, or moved from another place"))?;
        self.master.opened(&master);
        Ok(value)
    }

    fn wire(&self, entry: &str, stored: &[u8]) -> Result<Wire, VaultError> {
        serde_json::from_slice(stored).map_err(|_| self.broken(entry, "it is no sealed value"))
    }

    /// The associated data of a value: its place.
    fn place(&self, entry: &str, purpose: Purpose, version: u32) -> Vec<u8> {
        let version = version.to_string();
        parts::joined([self.name.as_str(), entry, purpose.as_str(), &version].map(str::as_bytes))
    }

    fn broken(&self, entry: &str, reason: &'static str) -> VaultError {
        VaultError::Sealed { vault: self.name.as_str(), entry: entry.to_owned(), reason }
    }

    fn unavailable(&self, reason: &str) -> VaultError {
        VaultError::Unavailable { vault: self.name.as_str(), reason: reason.to_owned() }
    }

    fn missing(&self, entry: &str) -> VaultError {
        VaultError::Missing { vault: self.name.as_str(), entry: entry.to_owned() }
    }
}

#[cfg(test)]
pub(crate) mod tests;
