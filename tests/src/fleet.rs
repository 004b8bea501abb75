//! Many nodes: each a `keyledger serve` process of its own, with all roles, against one NATS (a server, or a
//! cluster) and one PostgreSQL. Each can be stopped, killed, made to stand still and started again under the
//! same addresses. Everything ends with the test.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gateway::config::{self, Config, Sources};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::poll;
use crate::servers::{Cluster, Nats, Postgres};
use crate::spine::{self, Key, Organization, Ready, text};
use crate::upstreams::Upstream;
use crate::wire::{Answer, Ask};

mod client;
mod configuration;
mod node;

pub use client::Client;
pub use node::Node;

/// An unoptimised binary on two busy cores.
pub(crate) const START: Duration = Duration::from_secs(60);
/// Within this every node has followed a write.
const SETTLE: Duration = Duration::from_secs(20);

/// A running fleet.
pub struct Fleet {
    pub nodes: Vec<Node>,
    /// As every node's, but for its addresses and its name.
    pub config: Config,
    /// The installation's first admin key.
    pub admin_key: String,
    /// The file that the configuration was read from.
    pub file: PathBuf,
    organizations: AtomicUsize,
    pub nats: Broker,
    pub postgres: Postgres,
    _folder: TempDir,
}

/// What carries the log.
pub enum Broker {
    Single(Box<Nats>),
    Cluster(Cluster),
}

impl Broker {
    /// The cluster, where the plan has one.
    pub fn cluster(&self) -> &Cluster {
        match self {
            Self::Cluster(cluster) => cluster,
            Self::Single(_) => panic!("one nats-server is no cluster"),
        }
    }
}

/// How a fleet is made.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    pub nodes: usize,
    /// A cluster of three nats-servers in place of one.
    pub cluster: bool,
    /// A PostgreSQL of its own, which the test may stop.
    pub own_postgres: bool,
    /// Configuration keys and their values.
    pub set: &'a [(&'a str, &'a str)],
    /// What is run; `None`: what was built beside the tests.
    pub binary: Option<&'a Path>,
    /// The log waits for the disk. A single server's alone.
    pub durable: bool,
}

impl Default for Plan<'_> {
    fn default() -> Self {
        Self { nodes: 3, cluster: false, own_postgres: false, set: &[], binary: None, durable: false }
    }
}

impl Fleet {
    /// Three nodes that are ready.
    pub async fn start() -> Self {
        Self::with(Plan::default()).await
    }

    pub async fn with(plan: Plan<'_>) -> Self {
        gateway::crypto::install();
        let nats = if plan.cluster {
            Broker::Cluster(Cluster::set_up().await)
        } else {
            Broker::Single(Box::new(if plan.durable { Nats::durable().await } else { Nats::start().await }))
        };
        let postgres = if plan.own_postgres { Postgres::own().await } else { Postgres::start().await };
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = configuration::write(&nats, &postgres, folder.path());
        let set = plan.set.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let sources = Sources { file: Some(file.clone()), set, ..Sources::default() };
        let config = config::load(&sources).unwrap_or_else(|error| panic!("{error}"));
        let replicas = if plan.cluster { 3 } else { 1 };
        let admin_key = spine::set_up(&config, replicas).await;
        let program = plan.binary.map_or_else(binary, Path::to_owned);
        let node = |number| Node::new(number, program.clone(), &file, &sources.set);
        let nodes = (0..plan.nodes).map(node).collect();
        let organizations = AtomicUsize::new(0);
        let mut fleet =
            Self { nodes, config, admin_key, file, organizations, nats, postgres, _folder: folder };
        for node in &mut fleet.nodes {
            node.start().await;
        }
        for node in &fleet.nodes {
            node.becomes_ready().await;
        }
        fleet
    }

    /// Asks a node's admin API with the installation's key.
    pub async fn admin(&self, node: usize, ask: Ask) -> Answer {
        ask.bearer(&self.admin_key).send(self.nodes[node].admin).await
    }

    /// A command given to one node that succeeds.
    pub async fn write(&self, node: usize, ask: Ask) -> Value {
        let answer = self.admin(node, ask).await;
        assert!(matches!(answer.status, 200 | 201), "{answer:?}");
        answer.json()
    }

    /// An organization of its own with this upstream as `tools`, and a key for it that works at every node.
    pub async fn ready(&self, upstream: &Upstream) -> Ready {
        let number = self.organizations.fetch_add(1, Ordering::Relaxed);
        let slug = format!("acme-{number}");
        let organization = json!({"slug": slug, "name": "Test"});
        let organization = self.write(0, Ask::post("/api/v1/organizations", &organization)).await;
        let organization = Organization { id: text(&organization, "id"), slug };
        let url = upstream.url();
        let server = json!({"slug": "tools", "name": "Test", "upstream": url, "try_upstream": false});
        // The node that was asked must know the organization first.
        let path = organization.path("servers");
        let (server, _) = poll::until("the server is registered", SETTLE, async || {
            match self.admin(0, Ask::post(&path, &server)).await {
                answer if answer.status == 201 => Ok(answer.json()),
                answer => Err(answer),
            }
        })
        .await;
        let key = self.issue(0, &organization, &["mcp:tools"]).await;
        let path = format!("/mcp/{}/tools", organization.slug);
        for node in 0..self.nodes.len() {
            self.works(node, &path, &key).await;
        }
        Ready { organization, server: text(&server, "id"), path, key }
    }

    /// Issues a key at one node.
    pub async fn issue(&self, node: usize, organization: &Organization, scopes: &[&str]) -> Key {
        let body = json!({"name": "test", "scopes": scopes});
        let body = self.write(node, Ask::post(organization.path("keys"), &body)).await;
        Key { id: text(&body, "id"), secret: text(&body, "secret"), position: text(&body, "position") }
    }

    /// Waits until a node answers a call with this key with 200.
    pub async fn works(&self, node: usize, path: &str, key: &Key) -> Duration {
        self.answers(node, path, key, 200).await
    }

    /// Waits until a node refuses this key.
    pub async fn is_refused(&self, node: usize, path: &str, key: &Key) -> Duration {
        self.answers(node, path, key, 401).await
    }

    async fn answers(&self, node: usize, path: &str, key: &Key, status: u16) -> Duration {
        let ask = crate::mcp::call(path, "echo", &json!({})).bearer(&key.secret);
        let what = format!("node {} answers {status}", self.nodes[node].name);
        let ((), took) = poll::until(&what, SETTLE, async || match ask.send(self.nodes[node].public).await {
            answer if answer.status == status => Ok(()),
            answer => Err(answer),
        })
        .await;
        took
    }
}

/// The product's binary, beside the folder of the test binaries, where `cargo build` puts it.
pub(crate) fn binary() -> PathBuf {
    let this = std::env::current_exe().expect("this test's binary");
    let binary = this.parent().and_then(Path::parent).expect("the target folder").join("keyledger");
    assert!(binary.exists(), "{} is not built: run ./test", binary.display());
    binary
}

/// Where a listener answers.
pub(crate) fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}
