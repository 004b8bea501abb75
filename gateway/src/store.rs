//! What the gateway keeps in NATS beside the log: who connects as what, the vaults' buckets, and how all of it
//! is set up. The log itself is `events::log::jetstream`.

pub mod access;
pub mod accounts;
pub mod attempts;
pub mod bucket;
pub mod changes;
pub mod checkpoints;
pub mod kv;
pub mod leases;
pub mod passing;
pub mod readers;
pub mod roles;
pub mod setup;
pub mod snapshots;
pub mod stream;
pub mod tail;
pub mod transfer;

/// A role's connection.
pub use async_nats::Client;
use events::log::jetstream::{self, ConnectError, ConnectOptions, Credentials, Password};
pub(crate) use events::log::jetstream::{api, data};

use crate::config::{Config, ConfigError, NatsPassword, NatsRole};

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

/// What an authorization request, a session and an unused registration rest on, each with an end.
pub const OAUTH: &str = "KL_OAUTH";

/// The log's checkpoints, one signed note a message.
pub const CHECKPOINTS: &str = "KL_CHECKPOINTS";

/// What was read and tried through the admin API, one record a message.
pub const ACCESS: &str = "KL_ACCESS";

/// How clients get in or don't, one step a message, for a day.
pub const ATTEMPTS: &str = "KL_ATTEMPTS";

/// Why there is no connection for a role.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Connect(#[from] ConnectError),
}

/// The server that a connection is with, or was last, and whether it is. By its name where it has one that is its own.
pub fn connected_to(client: &Client) -> (String, bool) {
    let server = client.server_info();
    let name = if server.server_name.is_empty() || server.server_name == server.server_id {
        format!("{}:{}", server.host, server.port)
    } else {
        server.server_name
    };
    (name, client.connection_state() == async_nats::connection::State::Connected)
}

/// Connects to the configured server as the role's user. Each role of a process has a connection of its own.
pub async fn connect(config: &Config, role: NatsRole) -> Result<Client, StoreError> {
    connect_as(config, role, format!("keyledger {}", role.as_str())).await
}

/// The same for one of several connections of a role, under what it is for.
pub async fn connect_for(config: &Config, role: NatsRole, what: &str) -> Result<Client, StoreError> {
    connect_as(config, role, shown(role, what)).await
}

/// What a connection is called, here and in the server's lists.
pub fn shown(role: NatsRole, what: &str) -> String {
    format!("keyledger {} ({what})", role.as_str())
}

async fn connect_as(config: &Config, role: NatsRole, name: String) -> Result<Client, StoreError> {
    let (user, password) = config.nats_user(role)?;
    let credentials = match password {
        NatsPassword::Given(secret) => {
            Credentials::User { name: user, password: Password::new(secret.expose().to_owned()) }
        }
        NatsPassword::File(password) => Credentials::UserWithFile { name: user, password },
    };
    let options = ConnectOptions {
        servers: config.nats_servers()?.iter().map(ToString::to_string).collect(),
        credentials,
        name,
        inbox_prefix: roles::inbox_prefix(role),
        authorities: config.nats.ca_file.clone(),
        certificate: None,
    };
    Ok(jetstream::connect(options).await?)
}
