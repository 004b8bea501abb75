//! A vault's entries in a NATS KV bucket. Every question has a bound in time, and nothing is sent while the
//! connection is down: the client would send it late.
//!
//! Entries are read from the bucket's leader. A replica may answer late, and an entry that is not there yet would
//! be taken for one that was deleted: a text for a forgotten one.

use std::time::Duration;

use async_nats::jetstream::kv::{CreateErrorKind, Store};
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use async_trait::async_trait;
use bytes::Bytes;

use crate::vault::{Entries, VaultError, VaultName};

const TIMEOUT: Duration = Duration::from_secs(5);

/// A bucket.
pub struct KvEntries {
    client: async_nats::Client,
    store: Store,
    vault: VaultName,
}

impl KvEntries {
    /// The bucket of a vault. `keyledger nats setup` has created it.
    pub async fn open(client: async_nats::Client, vault: VaultName) -> Result<Self, VaultError> {
        let context = async_nats::jetstream::new(client.clone());
        let store = within(vault, context.get_key_value(bucket(vault))).await?;
        Ok(Self { client, store, vault })
    }

    /// `None`: never there, or deleted.
    async fn read(&self, name: &str) -> Result<Option<Bytes>, LastRawMessageErrorKind> {
        let subject = format!("{}{name}", self.store.prefix);
        match self.store.stream.get_last_raw_message_by_subject(&subject).await {
            // ADR-8: a deleted or purged entry is a message with its operation.
            Ok(message) if message.headers.get("KV-Operation").is_some() => Ok(None),
            Ok(message) => Ok(Some(message.payload)),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(error.kind()),
        }
    }

    fn check_connected(&self) -> Result<(), VaultError> {
        match self.client.connection_state() {
            async_nats::connection::State::Connected => Ok(()),
            async_nats::connection::State::Pending | async_nats::connection::State::Disconnected => {
                Err(unavailable(self.vault, "not connected to NATS"))
            }
        }
    }
}

#[async_trait]
impl Entries for KvEntries {
    async fn get(&self, name: &str) -> Result<Option<Bytes>, VaultError> {
        self.check_connected()?;
        within(self.vault, self.read(name)).await
    }

    async fn create(&self, name: &str, value: Bytes) -> Result<bool, VaultError> {
        self.check_connected()?;
        let created = async {
            let error = match self.store.create(name, value).await {
                Ok(_) => return Ok(true),
                Err(error) if error.kind() == CreateErrorKind::AlreadyExists => return Ok(false),
                Err(error) => error,
            };
            // Where somebody was faster, the client asked a replica that did not know it yet.
            match self.read(name).await {
                Ok(Some(_)) => Ok(false),
                Ok(None) | Err(_) => Err(error),
            }
        };
        within(self.vault, created).await
    }

    async fn purge(&self, name: &str) -> Result<(), VaultError> {
        self.check_connected()?;
        within(self.vault, self.store.purge(name)).await
    }
}

fn bucket(vault: VaultName) -> &'static str {
    match vault {
        VaultName::Node => super::VAULT_NODE,
        VaultName::Control => super::VAULT_CONTROL,
        VaultName::People => super::VAULT_PEOPLE,
    }
}

async fn within<T, E: std::fmt::Display>(
    vault: VaultName,
    answer: impl Future<Output = Result<T, E>>,
) -> Result<T, VaultError> {
    match tokio::time::timeout(TIMEOUT, answer).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(unavailable(vault, error)),
        Err(_) => Err(unavailable(vault, "no answer within 5 s")),
    }
}

fn unavailable(vault: VaultName, reason: impl std::fmt::Display) -> VaultError {
    VaultError::Unavailable { vault: vault.as_str(), reason: reason.to_string() }
}
