//! A node's configuration against a test's own servers.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use gateway::config::{
    Access, Checkpoints, Config, Fleet, Freshness, Issuers, Keys, Listen, Logging, Mcp, Nats as NatsConfig,
    NatsRole, NatsUser, Oauth, Organizations, Postgres as PostgresConfig, Role, Secret, Snapshots, Upstreams,
    Vault, Webhooks,
};

use crate::servers::{Nats, Postgres};

pub(super) fn of(nats: &Nats, postgres: &Postgres, folder: &Path) -> Config {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let file = |name: &str| Some(folder.join(name));
    Config {
        // What clients would be told; nobody resolves it here.
        public_url: "https://mcp.example.com".parse().expect("a URL"),
        accounts_url: None,
        roles: vec![Role::Node, Role::Control, Role::Worker],
        listen: Listen { public: any, admin: any, metrics: any, threads: 2, ..Listen::default() },
        tls: None,
        nats: NatsConfig {
            servers: vec![nats.url().parse().expect("a URL")],
            ca_file: None,
            users: users(nats),
            readers: BTreeMap::new(),
        },
        postgres: Some(PostgresConfig {
            url: Some(Secret::from(postgres.url())),
            url_file: None,
            max_connections: 4,
        }),
        vault: Vault {
            node_key_file: file("node.key"),
            control_key_file: file("control.key"),
            people_key_file: file("people.key"),
        },
        freshness: Freshness::default(),
        snapshots: Snapshots::default(),
        checkpoints: Checkpoints::default(),
        fleet: Fleet::default(),
        mcp: Mcp::default(),
        upstreams: Upstreams {
            allow: vec!["127.0.0.0/8".parse().expect("a network")],
            ..Upstreams::default()
        },
        issuers: Issuers { allow: vec!["127.0.0.0/8".parse().expect("a network")], ..Issuers::default() },
        keys: Keys::default(),
        organizations: Organizations::default(),
        webhooks: Webhooks::default(),
        access: Access::default(),
        oauth: Oauth::default(),
        drains: BTreeMap::new(),
        exports: BTreeMap::new(),
        log: Logging::default(),
    }
}

fn users(nats: &Nats) -> BTreeMap<NatsRole, NatsUser> {
    gateway::store::roles::ALL
        .into_iter()
        .map(|role| {
            let credentials = nats.credentials(role.as_str());
            let password = Some(Secret::from(credentials.password));
            (role, NatsUser { user: credentials.user, password, password_file: None, password_hash: None })
        })
        .collect()
}
