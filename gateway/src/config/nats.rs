//! Who speaks to NATS, and where it is.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use url::Url;

use super::check::NATS_URL;
use super::secret::{self, Secret};
use super::{Config, ConfigError, PasswordHash, Reader, ReaderName, lenient};

/// The event log's server or cluster, with a user for each role.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nats {
    /// The server, or servers of one cluster: `nats://` on loopback, `tls://` elsewhere.
    #[serde(rename = "url", default, deserialize_with = "lenient::list")]
    pub servers: Vec<Url>,
    /// Certificate authorities beside the public ones, PEM.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    #[serde(default)]
    pub users: BTreeMap<NatsRole, NatsUser>,
    /// Whom `nats setup --print` makes a user for beside the roles.
    #[serde(default)]
    pub readers: BTreeMap<ReaderName, Reader>,
}

/// Who speaks to NATS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NatsRole {
    Admin,
    Control,
    Worker,
    Node,
    Auditor,
    /// Of `keyledger restore` alone.
    Restore,
}

impl NatsRole {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Control => "control",
            Self::Worker => "worker",
            Self::Node => "node",
            Self::Auditor => "auditor",
            Self::Restore => "restore",
        }
    }
}

/// One NATS user.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NatsUser {
    pub user: String,
    #[serde(default)]
    pub password: Option<Secret>,
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// What `nats setup --print` writes for nats-server in place of a variable of its environment.
    #[serde(default)]
    pub password_hash: Option<PasswordHash>,
}

/// How a role proves who it is.
#[derive(Debug, Clone)]
pub enum NatsPassword {
    Given(Secret),
    /// Read anew for each connection.
    File(PathBuf),
}

impl Config {
    /// Where NATS is.
    pub fn nats_servers(&self) -> Result<&[Url], ConfigError> {
        if self.nats.servers.is_empty() {
            return Err(ConfigError::Missing { key: "nats.url", accepted: NATS_URL });
        }
        Ok(&self.nats.servers)
    }

    /// The user and password of a role.
    pub fn nats_user(&self, role: NatsRole) -> Result<(String, NatsPassword), ConfigError> {
        let user = self.nats.users.get(&role).ok_or(ConfigError::Missing {
            key: match role {
                NatsRole::Admin => "nats.users.admin",
                NatsRole::Control => "nats.users.control",
                NatsRole::Worker => "nats.users.worker",
                NatsRole::Node => "nats.users.node",
                NatsRole::Auditor => "nats.users.auditor",
                NatsRole::Restore => "nats.users.restore",
            },
            accepted: "a table with user and password_file (or password), as the NATS server knows this role",
        })?;
        let key = format!("nats.users.{}", role.as_str());
        let given = secret::one_of(
            (&format!("{key}.password"), user.password.as_ref()),
            (&format!("{key}.password_file"), user.password_file.as_deref()),
        )?;
        let password = user.password_file.clone().map_or(NatsPassword::Given(given), NatsPassword::File);
        Ok((user.user.clone(), password))
    }
}
