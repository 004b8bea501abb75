//! Keyledger as it is measured: the release binary as processes of its own, set up as an operator would, with an
//! organization, its servers before the bare upstream, and many keys.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use events::clock::{Clock, SystemClock};
use events::log::Log;
use events::{ScopeSet, ServerId};
use keyledger_tests::fleet::{Fleet, Plan};
use keyledger_tests::poll;
use keyledger_tests::spine::{Organization, text};
use keyledger_tests::wire::Ask;
use serde_json::json;

use crate::arguments::Arguments;
use crate::keys::{Issuer, Key};
use crate::load::Connection;
use crate::load::answer::Reader;
use crate::process;

/// Servers of the organization, each a path of the bare upstream.
const SERVERS: &[&str] = &["tools", "stream", "large", "list", "open"];
const PATIENCE: Duration = Duration::from_secs(20);
/// A control judges each signature of a log of which none is signed yet.
const SIGNED_WITHIN: Duration = Duration::from_secs(300);

/// One node that serves many keys.
pub struct Installation {
    pub fleet: Fleet,
    pub organization: Organization,
    pub issuer: Issuer,
    pub log: Arc<dyn Log>,
    pub keys: Vec<Key>,
    /// Asks about other keys.
    pub asker: Key,
    /// The server that calls are made to.
    pub tools: ServerId,
}

/// A long log.
pub struct Full {
    pub fleet: Fleet,
    pub log: Arc<dyn Log>,
    pub keys: usize,
    /// Resident bytes of a node that serves next to no keys.
    pub resident_before: u64,
    /// How long it took to write the keys.
    pub written_in: Duration,
}

impl Installation {
    /// One process with the role node alone.
    pub async fn node(arguments: &Arguments, upstream: SocketAddr, keys: usize) -> Self {
        Self::nodes(arguments, upstream, keys, 1).await
    }

    /// So many of them.
    pub async fn nodes(arguments: &Arguments, upstream: SocketAddr, keys: usize, count: usize) -> Self {
        let mut fleet = fleet(arguments, count, false).await;
        let organization = organization(&fleet, "acme").await;
        let tools = register(&fleet, &organization, upstream).await;
        for node in &mut fleet.nodes {
            node.stop().await;
        }
        let (issuer, log) = Issuer::of(&fleet.config, id(&organization)).await;
        let asker = issuer.issue(&*log, 1, &scopes("keys:verify")).await.remove(0);
        let keys = issuer.issue(&*log, keys, &scopes("mcp:*")).await;
        for node in &mut fleet.nodes {
            node.set("roles", "node");
            node.start().await;
            node.becomes_ready().await;
        }
        Self { fleet, organization, issuer, log, keys, asker, tools }
    }

    pub fn public(&self) -> SocketAddr {
        self.fleet.nodes[0].public
    }

    pub fn process(&self) -> u32 {
        self.fleet.nodes[0].process()
    }

    /// Waits until the node serves who has this credential.
    pub async fn knows(&self, credential: &str) {
        let ask = keyledger_tests::mcp::call(&self.path("tools"), "add", &json!({})).bearer(credential);
        poll::until("the node knows who calls", PATIENCE, async || match ask.send(self.public()).await {
            answer if answer.status == 401 => Err(answer),
            _ => Ok(()),
        })
        .await;
    }

    /// Where clients find a server.
    pub fn path(&self, server: &str) -> String {
        path(&self.organization, server)
    }
}

impl Full {
    pub async fn make(arguments: &Arguments) -> Self {
        let mut fleet = fleet(arguments, 1, false).await;
        let organization = organization(&fleet, "acme").await;
        let node = &mut fleet.nodes[0];
        node.stop().await;
        node.set("roles", "node");
        node.start().await;
        node.becomes_ready().await;
        let resident_before = process::resident(node.process());
        node.stop().await;
        let (issuer, log) = Issuer::of(&fleet.config, id(&organization)).await;
        let (keys, start) = (arguments.many(), SystemClock.instant());
        issuer.issue(&*log, keys, &scopes("mcp:*")).await;
        let written_in = SystemClock.instant() - start;
        signed(&mut fleet, &*log).await;
        Self { fleet, log, keys, resident_before, written_in }
    }
}

/// A control reads all of the log and signs a checkpoint over it, as it does in every installation; what starts then finds
/// it.
async fn signed(fleet: &mut Fleet, log: &dyn Log) {
    let end = log.info().await.expect("the log's end").last_sequence;
    let node = &mut fleet.nodes[0];
    node.set("roles", "node,control");
    node.start().await;
    let admin = node.admin;
    poll::until("all of the log is signed", SIGNED_WITHIN, async || {
        let newest =
            Ask::get("/tlog/checkpoint").try_send(admin).await.map_err(|_| http::StatusCode::BAD_GATEWAY)?;
        let size = newest.text().lines().nth(1).and_then(|size| size.parse::<u64>().ok());
        if size.is_some_and(|size| size >= end) { Ok(()) } else { Err(newest.status) }
    })
    .await;
    node.stop().await;
    node.set("roles", "node");
}

/// A fleet of the measured binary. `durable`: the log waits for the disk (`sync_interval: always`).
pub async fn fleet(arguments: &Arguments, nodes: usize, durable: bool) -> Fleet {
    let binary = arguments.binary();
    let threads = arguments.threads().to_string();
    let set = [("listen.threads", threads.as_str()), ("log.filter", "warn")];
    let binary = Some(binary.as_path());
    Fleet::with(Plan { nodes, own_postgres: true, set: &set, binary, durable, ..Plan::default() }).await
}

pub async fn organization(fleet: &Fleet, slug: &str) -> Organization {
    let organization = json!({"slug": slug, "name": "Measured"});
    let organization = fleet.write(0, Ask::post("/api/v1/organizations", &organization)).await;
    Organization { id: text(&organization, "id"), slug: slug.to_owned() }
}

/// Waits until the admin API does what each of these asks.
pub async fn does(fleet: &Fleet, requests: &[Bytes]) {
    let mut connection = Connection::open(fleet.nodes[0].admin).await.expect("a connection");
    for request in requests {
        let mut done = async || {
            let mut reader = Reader::keeping();
            let answered = connection.call(request, &mut reader).await;
            if answered.is_ok() && matches!(reader.status, 200..=299) { Ok(()) } else { Err(reader) }
        };
        poll::until("the admin API does it", PATIENCE, &mut done).await;
    }
}

pub fn id(organization: &Organization) -> events::OrganizationId {
    organization.id.parse().expect("an organization's id")
}

/// Registers each of the bare upstream's paths: the first, which calls are made to.
pub async fn register(fleet: &Fleet, organization: &Organization, upstream: SocketAddr) -> ServerId {
    let path = organization.path("servers");
    let mut first = None;
    for slug in SERVERS {
        let upstream = format!("http://{upstream}/{slug}");
        let server = json!({"slug": slug, "name": "Measured", "upstream": upstream, "try_upstream": false});
        // The node that was asked must know the organization first.
        let (registered, _) = poll::until("the server is registered", PATIENCE, async || {
            match fleet.admin(0, Ask::post(&path, &server)).await {
                answer if answer.status == 201 => Ok(answer.json()),
                answer => Err(answer),
            }
        })
        .await;
        first.get_or_insert_with(|| text(&registered, "id"));
    }
    first.expect("a server").parse().expect("a server's id")
}

/// Where clients find a server.
pub fn path(organization: &Organization, server: &str) -> String {
    format!("/mcp/{}/{server}", organization.slug)
}

pub fn scopes(text: &str) -> ScopeSet {
    text.parse().expect("scopes")
}
