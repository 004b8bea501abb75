//! The nodes' configuration file against a test's own servers.

use std::path::{Path, PathBuf};

use gateway::store::roles;
use serde_json::{Map, Value, json};

use super::Broker;
use crate::servers::Postgres;

impl Broker {
    fn urls(&self) -> Vec<String> {
        match self {
            Self::Single(nats) => vec![nats.url()],
            Self::Cluster(cluster) => cluster.urls(),
        }
    }

    fn users(&self) -> Map<String, Value> {
        let user = |role: &str| match self {
            Self::Single(nats) => nats.credentials(role),
            Self::Cluster(cluster) => cluster.credentials(role),
        };
        roles::ALL
            .iter()
            .map(|role| {
                let user = user(role.as_str());
                (role.as_str().to_owned(), json!({"user": user.user, "password": user.password}))
            })
            .collect()
    }
}

/// Writes it; each node adds its addresses.
pub(super) fn write(nats: &Broker, postgres: &Postgres, folder: &Path) -> PathBuf {
    let file = |name: &str| folder.join(name);
    let settings = json!({
        // What clients would be told; nobody resolves it here.
        "public_url": "https://mcp.example.com",
        "listen": {"threads": 1, "drain_ms": 0},
        "nats": {"url": nats.urls(), "users": nats.users()},
        "postgres": {"url": postgres.url(), "max_connections": 4},
        "vault": {
            "node_key_file": file("node.key"),
            "control_key_file": file("control.key"),
            "people_key_file": file("people.key"),
        },
        "freshness": {"ask_every_ms": 200},
        "upstreams": {"allow": ["127.0.0.0/8"]},
    });
    let path = folder.join("keyledger.toml");
    std::fs::write(&path, toml::to_string(&settings).expect("TOML")).expect("the configuration is written");
    path
}
