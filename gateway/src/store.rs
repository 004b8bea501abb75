//! What the gateway keeps in NATS beside the log: who connects as what, the vaults' buckets, and how all of it
//! is set up. The log itself is `events::log::jetstream`.

pub mod accounts;
pub mod bucket;
pub mod changes;
pub mod checkpoints;
pub mod kv;
pub mod leases;
pub mod roles;
pub mod setup;
pub mod snapshots;
pub mod stream;
pub mod transfer;

/// A role's connection.
pub use async_nats::Client;
use events::log::jetstream::{self, ConnectError, ConnectOptions, Credentials, Password};
pub(crate) use events::log::jetstream::{api, data};

use crate::config::{Config, ConfigError, NatsRole};

/// The nodes' secrets: the identity-token key, the session key, peppers, upstream credentials.
pub const VAULT_NODE: &str = "KL_VAULT_NODE";
/// Control's own secrets: OAuth signing keys.
pub const VAULT_CONTROL: &str = "KL_VAULT_CONTROL";
/// The keys under which people's and organizations' text is sealed.
pub const VAULT_PEOPLE: &str = "KL_VAULT_PEOPLE";

/// Who is a member of the fleet (`member.<id>`), and which worker holds what (`lease.<name>`).
pub const FLEET: &str = "KL_FLEET";
/// The directory's snapshots, as an object store (ADR-20).
pub const SNAPSHOTS: &str = "KL_SNAPSHOTS";

/// The log's checkpoints, one signed note a message.
pub const CHECKPOINTS: &str = "KL_CHECKPOINTS";

/// Why there is no connection for a role.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Connect(#[from] ConnectError),
}

/// Connects to the configured server as the role's user. Each role of a process has a connection of its own.
pub async fn connect(config: &Config, role: NatsRole) -> Result<Client, StoreError> {
    let (name, password) = config.nats_user(role)?;
    let credentials = Credentials::User { name, password: Password::new(password.expose().to_owned()) };
    let options = ConnectOptions {
        servers: config.nats.servers.iter().map(ToString::to_string).collect(),
        credentials,
        name: format!("keyledger {}", role.as_str()),
        inbox_prefix: roles::inbox_prefix(role),
        authorities: config.nats.ca_file.clone(),
        certificate: None,
    };
    Ok(jetstream::connect(options).await?)
}
