//! A vault's entries in a NATS KV bucket.
//!
//! Entries are read from the bucket's leader. A replica may answer late, and an entry that is not there yet would
//! be taken for one that was deleted: a text for a forgotten one.

use async_trait::async_trait;
use bytes::Bytes;

use super::bucket::{Bucket, BucketError};
use crate::vault::{Entries, VaultError, VaultName};

/// A bucket.
pub struct KvEntries {
    bucket: Bucket,
    vault: VaultName,
}

/// The bucket that a vault lies in.
pub fn bucket(vault: VaultName) -> &'static str {
    match vault {
        VaultName::Node => super::VAULT_NODE,
        VaultName::Control => super::VAULT_CONTROL,
        VaultName::People => super::VAULT_PEOPLE,
    }
}

impl KvEntries {
    /// The bucket of a vault. `keyledger nats setup` has created it.
    pub async fn open(client: async_nats::Client, vault: VaultName) -> Result<Self, VaultError> {
        let entries = Self { bucket: Bucket::new(client, bucket(vault)), vault };
        entries.bucket.check().await.map_err(|error| entries.failed(&error))?;
        Ok(entries)
    }

    fn failed(&self, error: &BucketError) -> VaultError {
        VaultError::Unavailable { vault: self.vault.as_str(), reason: error.to_string() }
    }
}

#[async_trait]
impl Entries for KvEntries {
    async fn get(&self, name: &str) -> Result<Option<Bytes>, VaultError> {
        let found = self.bucket.get(name).await.map_err(|error| self.failed(&error))?;
        Ok(found.map(|entry| entry.value))
    }

    async fn create(&self, name: &str, value: Bytes) -> Result<bool, VaultError> {
        self.bucket.create(name, value).await.map_err(|error| self.failed(&error))
    }

    async fn replace(&self, name: &str, value: Bytes) -> Result<(), VaultError> {
        self.bucket.replace(name, value).await.map(|_| ()).map_err(|error| self.failed(&error))
    }

    async fn purge(&self, name: &str) -> Result<(), VaultError> {
        self.bucket.erase(name).await.map(|_| ()).map_err(|error| self.failed(&error))
    }

    async fn names(&self) -> Result<Vec<String>, VaultError> {
        self.bucket.keys("").await.map_err(|error| self.failed(&error))
    }

    async fn swap(&self, name: &str, from: &Bytes, to: Bytes) -> Result<bool, VaultError> {
        let found = self.bucket.get(name).await.map_err(|error| self.failed(&error))?;
        let Some(entry) = found.filter(|entry| entry.value == *from) else { return Ok(false) };
        match self.bucket.put(name, to, entry.revision).await {
            Ok(_) => Ok(true),
            Err(BucketError::Conflict) => Ok(false),
            Err(error @ BucketError::Unavailable { .. }) => Err(self.failed(&error)),
        }
    }
}
