//! Configuration: a TOML file, then the environment (`KEYLEDGER_…`), then flags; the later wins. Every error
//! names the key and what it accepts, at start. What a value does once it is read is left to its user.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use domain::key::secret::Prefix;
use events::slug::Slug;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use url::Url;

mod access;
mod check;
mod drain;
mod export;
mod fleet;
mod freshness;
mod issuers;
mod lenient;
mod listen;
mod load;
mod logging;
mod nats;
mod oauth;
mod organizations;
mod reader;
mod secret;
mod webhooks;
mod witness;

pub use access::Access;
pub use check::{is_loopback, may_speak_nats};
pub use drain::{Beginning, Drain, DrainFormat, Transport};
pub use export::{Compression, Export, ExportFormat, S3, Target};
pub use fleet::Fleet;
pub use freshness::Freshness;
pub use issuers::Issuers;
pub use listen::Listen;
pub use load::{Needs, Sources, load, variables};
pub use logging::{LogFormat, Logging, Switch};
pub use nats::{Nats, NatsPassword, NatsRole, NatsUser};
pub use oauth::{Oauth, Registration};
pub use organizations::Organizations;
pub use reader::{PasswordHash, Reader, ReaderError, ReaderName, ReaderNameError};
pub use secret::Secret;
pub use webhooks::Webhooks;
pub use witness::{Checkpoints, Witness};

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{0}")]
    Load(String),
    #[error("configuration key `{key}`: {problem}; accepted: {accepted}")]
    Value { key: String, problem: String, accepted: &'static str },
    #[error("configuration key `{key}` is missing; accepted: {accepted}")]
    Missing { key: &'static str, accepted: &'static str },
    #[error("configuration key `{key}`: the file {path} can't be read: {source}")]
    File { key: String, path: PathBuf, source: std::io::Error },
}

/// Everything that a process is told.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where clients reach the public listener, such as `https://mcp.example.com`: resource identifiers,
    /// Origin and Host checks come from it, never from a request.
    #[serde(default = "no_public_url")]
    pub public_url: Url,
    /// Where people sign in and clients get tokens: an origin, the issuer's name, which never changes once a grant
    /// exists. `None`: `public_url`.
    #[serde(default)]
    pub accounts_url: Option<Url>,
    #[serde(default = "all_roles", deserialize_with = "lenient::list")]
    pub roles: Vec<Role>,
    #[serde(default)]
    pub listen: Listen,
    #[serde(default)]
    pub tls: Option<Tls>,
    #[serde(default)]
    pub nats: Nats,
    #[serde(default)]
    pub postgres: Option<Postgres>,
    #[serde(default)]
    pub vault: Vault,
    #[serde(default)]
    pub freshness: Freshness,
    #[serde(default)]
    pub snapshots: Snapshots,
    #[serde(default)]
    pub checkpoints: Checkpoints,
    #[serde(default)]
    pub fleet: Fleet,
    #[serde(default)]
    pub mcp: Mcp,
    #[serde(default)]
    pub upstreams: Upstreams,
    #[serde(default)]
    pub issuers: Issuers,
    #[serde(default)]
    pub keys: Keys,
    #[serde(default)]
    pub organizations: Organizations,
    /// Who is told what happens, by name (role worker).
    #[serde(default)]
    pub drains: BTreeMap<String, Drain>,
    /// Where the log is copied to, by name (role worker).
    #[serde(default)]
    pub exports: BTreeMap<String, Export>,
    #[serde(default)]
    pub access: Access,
    #[serde(default)]
    pub oauth: Oauth,
    #[serde(default)]
    pub webhooks: Webhooks,
    #[serde(default)]
    pub log: Logging,
}

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The request path.
    Node,
    /// Admin API and commands.
    Control,
    /// PostgreSQL projections.
    Worker,
}

/// Of a command that asks for none: a process must have one of its own.
fn no_public_url() -> Url {
    #[expect(clippy::expect_used, reason = "it is written here")]
    Url::parse("http://localhost").expect("a URL")
}

fn all_roles() -> Vec<Role> {
    vec![Role::Node, Role::Control, Role::Worker]
}

/// Who encrypts the listeners.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Tls {
    /// `tls = "terminated"`: a proxy before this process does.
    Word(TlsWord),
    /// `[tls] certificate_file, key_file`: this process does, with rustls.
    Files(TlsFiles),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsWord {
    Terminated,
}

/// PEM files.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    pub certificate_file: PathBuf,
    pub key_file: PathBuf,
}

/// The read models' database (roles control and worker).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Postgres {
    #[serde(default)]
    pub url: Option<Secret>,
    #[serde(default)]
    pub url_file: Option<PathBuf>,
    #[serde(default = "default_pool", deserialize_with = "lenient::number")]
    pub max_connections: u32,
}

fn default_pool() -> u32 {
    10
}

/// Master keys of the vaults: files of 32 bytes in base64, readable by their owner alone.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Vault {
    pub node_key_file: Option<PathBuf>,
    pub control_key_file: Option<PathBuf>,
    /// People's and organizations' sealing keys (roles control and worker).
    pub people_key_file: Option<PathBuf>,
}

/// When a worker writes the directory down, for nodes to start from.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Snapshots {
    /// So many events after the last.
    #[serde(deserialize_with = "lenient::number")]
    pub every_events: u64,
    /// So many minutes after the last, when anything has happened since.
    #[serde(deserialize_with = "lenient::number")]
    pub every_minutes: u64,
    /// How many are kept.
    #[serde(deserialize_with = "lenient::number")]
    pub keep: usize,
}

impl Default for Snapshots {
    fn default() -> Self {
        Self { every_events: 100_000, every_minutes: 60, keep: 3 }
    }
}

/// The request path's bounds.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mcp {
    /// Origins of browser clients beside that of `public_url`; `*`: any.
    #[serde(deserialize_with = "lenient::list")]
    pub allowed_origins: Vec<String>,
    /// `ORGANIZATION/SERVER`, whose metadata as a protected resource is told at the root as well.
    pub default_server: Option<String>,
    #[serde(deserialize_with = "lenient::number")]
    pub max_body_bytes: usize,
    #[serde(deserialize_with = "lenient::number")]
    pub body_timeout_ms: u64,
}

impl Default for Mcp {
    fn default() -> Self {
        Self {
            allowed_origins: Vec::new(),
            default_server: None,
            max_body_bytes: 4 * 1024 * 1024,
            body_timeout_ms: 30_000,
        }
    }
}

impl Mcp {
    /// The default server's organization and name; `None`: there is none, or it is no such text.
    pub fn default_server(&self) -> Option<(Slug, Slug)> {
        let (organization, server) = self.default_server.as_deref()?.split_once('/')?;
        Some((organization.parse().ok()?, server.parse().ok()?))
    }
}

/// What the gateway may call.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Upstreams {
    /// Networks open to upstream URLs although they are loopback, private or otherwise special.
    #[serde(deserialize_with = "lenient::list")]
    pub allow: Vec<IpNet>,
    /// Networks off this machine where `http://` upstreams are called, although it carries the identity token in clear.
    #[serde(deserialize_with = "lenient::list")]
    pub allow_http: Vec<IpNet>,
    /// Certificate authorities beside the public ones, PEM.
    pub ca_file: Option<PathBuf>,
    /// Whose `User-Agent` upstreams see: the gateway's own, or the client's where it has one.
    pub user_agent: UserAgent,
    /// Until there is a connection: name, address and TLS.
    #[serde(deserialize_with = "lenient::number")]
    pub connect_timeout_ms: u64,
    /// Until the upstream's response headers. A server's own setting goes before it.
    #[serde(deserialize_with = "lenient::number")]
    pub response_timeout_ms: u64,
    /// Between two pieces of an answer that is no event stream. A server's own setting goes before it.
    #[serde(deserialize_with = "lenient::number")]
    pub idle_timeout_ms: u64,
}

impl Default for Upstreams {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            allow_http: Vec::new(),
            ca_file: None,
            user_agent: UserAgent::Gateway,
            connect_timeout_ms: 5_000,
            response_timeout_ms: 60_000,
            idle_timeout_ms: 60_000,
        }
    }
}

/// Whose `User-Agent` upstreams see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserAgent {
    Gateway,
    /// The client's, where it has one.
    Client,
}

/// Newly issued keys.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keys {
    /// What a key starts with; lets scanners recognise a leaked one. Never compared at use.
    pub prefix: String,
}

impl Default for Keys {
    fn default() -> Self {
        Self { prefix: "kl_live".to_owned() }
    }
}

impl Role {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Control => "control",
            Self::Worker => "worker",
        }
    }
}

impl Config {
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Where people sign in and clients get tokens.
    pub fn accounts_url(&self) -> &Url {
        self.accounts_url.as_ref().unwrap_or(&self.public_url)
    }

    /// What a newly issued key starts with.
    pub fn key_prefix(&self) -> Result<Prefix, ConfigError> {
        self.keys.prefix.parse().map_err(|_| ConfigError::Value {
            key: "keys.prefix".to_owned(),
            problem: "no key can start with it".to_owned(),
            accepted: "1 to 32 lower-case letters, digits and single inner underscores, a letter first",
        })
    }

    /// The read models' database URL.
    pub fn postgres_url(&self) -> Result<Secret, ConfigError> {
        let Some(postgres) = &self.postgres else {
            return Err(ConfigError::Missing {
                key: "postgres.url",
                accepted: "postgres://USER:PASSWORD@HOST/DATABASE, here or in the file of postgres.url_file",
            });
        };
        let url = secret::one_of(
            ("postgres.url", postgres.url.as_ref()),
            ("postgres.url_file", postgres.url_file.as_deref()),
        )?;
        check::check_postgres(url.expose())?;
        Ok(url)
    }

    pub fn vault_key_file<'a>(
        &self,
        key: &'static str,
        file: &'a Option<PathBuf>,
    ) -> Result<&'a Path, ConfigError> {
        file.as_deref().ok_or(ConfigError::Missing {
            key,
            accepted: "the path of a file with 32 random bytes in base64, readable by its owner alone",
        })
    }
}
