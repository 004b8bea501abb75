//! The configuration of the node that `dev` runs: written as a file, then read back as any other, so that the
//! CLI's commands can be given the same.

use std::path::Path;

use serde_json::{Value, json};

use super::nats::NatsServer;
use super::place::Home;
use super::postgres::PostgresServer;
use super::{Error, private};
use crate::config::{self, Config, ConfigError, Sources};
use crate::store::roles;

/// Ports of the three listeners.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    pub public: u16,
    pub admin: u16,
    pub metrics: u16,
}

#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error(transparent)]
    File(#[from] Error),
    #[error("the configuration could not be written: {0}")]
    Write(#[from] toml::ser::Error),
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// Writes `keyledger.toml` (mode 0600: it holds passwords) and reads it.
pub fn write(
    place: &Home,
    ports: Ports,
    nats: &NatsServer,
    postgres: &PostgresServer,
) -> Result<Config, SettingsError> {
    let users: serde_json::Map<String, Value> = roles::ALL
        .iter()
        .filter_map(|role| {
            let credentials = nats.credentials(role.as_str())?;
            let user = json!({ "user": credentials.user, "password": credentials.password });
            Some((role.as_str().to_owned(), user))
        })
        .collect();
    let settings = settings(&place.master_keys(), ports, &nats.url(), &users, &postgres.url());
    let head = "# Written by `keyledger dev` at each start. It holds passwords.\n";
    let path = place.configuration();
    private::write(&path, format!("{head}{}", toml::to_string_pretty(&settings)?).as_bytes())?;
    Ok(config::load(&Sources { file: Some(path), ..Sources::default() })?)
}

fn settings(
    master_keys: &Path,
    ports: Ports,
    nats: &str,
    users: &serde_json::Map<String, Value>,
    postgres: &str,
) -> Value {
    let listen = |port: u16| format!("127.0.0.1:{port}");
    json!({
        "public_url": format!("http://{}", listen(ports.public)),
        "listen": {
            "public": listen(ports.public),
            "admin": listen(ports.admin),
            "metrics": listen(ports.metrics),
            // Nobody balances between its nodes: Ctrl-C ends them at once.
            "drain_ms": 0,
        },
        "fleet": { "name": super::nodes::name(1) },
        "nats": { "url": nats, "users": users },
        "postgres": { "url": postgres },
        "vault": {
            "node_key_file": master_keys.join("node.key"),
            "control_key_file": master_keys.join("control.key"),
            "people_key_file": master_keys.join("people.key"),
        },
        // The demo server and those that are tried next to it are on this machine.
        "upstreams": { "allow": ["127.0.0.0/8", "::1/128"] },
        "issuers": { "allow": ["127.0.0.0/8", "::1/128"] },
        // Not to be taken for a key that opens anything elsewhere.
        "keys": { "prefix": "kl_dev" },
        "log": { "filter": "warn" },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_a_configuration_that_loads() {
        let directory = tempfile::tempdir().unwrap();
        let ports = Ports { public: 1, admin: 2, metrics: 3 };
        let users = json!({"node": {"user": "node", "password": "p"}});
        let settings = settings(
            directory.path(),
            ports,
            "nats://127.0.0.1:4222",
            users.as_object().unwrap(),
            "postgres://u:p@127.0.0.1/d",
        );
        let path = directory.path().join("keyledger.toml");
        std::fs::write(&path, toml::to_string_pretty(&settings).unwrap()).unwrap();
        let config = config::load(&Sources { file: Some(path), ..Sources::default() }).unwrap();
        assert_eq!(config.listen.admin.port(), 2);
        assert_eq!(config.public_url.port(), Some(1));
        assert!(config.upstreams.allow.iter().all(|net| net.addr().is_loopback()));
        assert!(config.nats_user(config::NatsRole::Node).is_ok());
        let missing = config.nats_user(config::NatsRole::Worker).unwrap_err().to_string();
        assert!(missing.contains("`nats.users.worker` is missing"), "{missing}");
    }
}
