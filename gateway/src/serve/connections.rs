//! From the configuration to NATS connections, the log and the vaults: one connection for each role, as its
//! own user.

use std::path::Path;
use std::sync::Arc;

use events::clock::{Clock, Random};
use events::log::jetstream::{JetStreamLog, Timeouts};

use super::{Process, ServeError};
use crate::config::{Config, NatsRole};
use crate::store::kv::KvEntries;
use crate::store::{self, StoreError};
use crate::vault::sealing::SealingKeys;
use crate::vault::{MasterKey, Vault, VaultName};

/// A connection as the role's user.
pub async fn client(config: &Config, role: NatsRole) -> Result<store::Client, ServeError> {
    Ok(store::connect(config, role).await?)
}

/// One of several of the role's, under what it is for.
pub async fn client_for(config: &Config, role: NatsRole, what: &str) -> Result<store::Client, ServeError> {
    Ok(store::connect_for(config, role, what).await?)
}

impl From<StoreError> for ServeError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Config(error) => error.into(),
            StoreError::Connect(error) => error.into(),
        }
    }
}

/// The event log over a connection of the role's own.
pub async fn log(
    config: &Config,
    role: NatsRole,
    clock: &Arc<dyn Clock>,
    random: &Arc<dyn Random>,
) -> Result<JetStreamLog, ServeError> {
    let client = client(config, role).await?;
    Ok(JetStreamLog::open(client, Arc::clone(clock), Arc::clone(random), Timeouts::default()).await?)
}

/// The same over one of several connections of a process, under what it is for: so its states are told.
pub(super) async fn log_for(
    process: &Process,
    role: NatsRole,
    what: &str,
) -> Result<JetStreamLog, ServeError> {
    let client = client_for(&process.config, role, what).await?;
    let (clock, random) = (Arc::clone(&process.clock), Arc::clone(&process.random));
    Ok(JetStreamLog::open_as(&store::shown(role, what), client, clock, random, Timeouts::default()).await?)
}

/// A vault over a connection, under its master key.
pub async fn vault(config: &Config, name: VaultName, client: &store::Client) -> Result<Vault, ServeError> {
    let file = master_key_file(config, name)?;
    // Before NATS is asked: a file that is not there is told first.
    MasterKey::read(file)?;
    let entries = KvEntries::open(client.clone(), name).await?;
    Ok(Vault::with_file(name, Arc::new(entries), file.to_owned())?)
}

fn master_key_file(config: &Config, name: VaultName) -> Result<&Path, ServeError> {
    let (key, file) = match name {
        VaultName::Node => ("vault.node_key_file", &config.vault.node_key_file),
        VaultName::Control => ("vault.control_key_file", &config.vault.control_key_file),
        VaultName::People => ("vault.people_key_file", &config.vault.people_key_file),
    };
    Ok(config.vault_key_file(key, file)?)
}

/// The organizations' sealing keys.
pub async fn sealing(
    config: &Config,
    client: &store::Client,
    clock: &Arc<dyn Clock>,
    random: &Arc<dyn Random>,
) -> Result<SealingKeys, ServeError> {
    let people = vault(config, VaultName::People, client).await?;
    Ok(SealingKeys::new(people, Arc::clone(clock), Arc::clone(random)))
}
