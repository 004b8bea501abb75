//! The whole of Keyledger for one test: a nats-server and a database of its own, and one node with all its
//! roles in this process, set up and bootstrapped as an operator would. Everything else a test makes through
//! the admin API.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use domain::key::secret::Prefix;
use events::Shard;
use events::clock::{Clock, Random, SystemClock, SystemRandom, uuid_v7};
use gateway::bootstrap::Bootstrap;
use gateway::checkpoints::Sources;
use gateway::checkpoints::loss::{self, Loss, Standing};
use gateway::config::{Config, NatsRole, Secret};
use gateway::serve::{self, Running, connections};
use gateway::store::bucket::Bucket;
use gateway::store::checkpoints::Checkpoints;
use gateway::store::setup;
use gateway::vault::{MasterKey, VaultName};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::poll;
use crate::servers::{Nats, PgBouncer, Postgres};
use crate::upstreams::Upstream;
use crate::wire::{Answer, Ask};

mod configuration;

/// A running installation. It ends with the test.
pub struct Spine {
    pub config: Config,
    /// The installation's first admin key.
    pub admin_key: String,
    pub public: SocketAddr,
    pub admin: SocketAddr,
    pub metrics: SocketAddr,
    /// Within this the node has followed a write.
    pub settle: Duration,
    node: Option<Running>,
    organizations: AtomicUsize,
    pub nats: Nats,
    pub postgres: Postgres,
    folder: TempDir,
}

#[derive(Clone, Debug)]
pub struct Organization {
    pub id: String,
    pub slug: String,
}

/// An issued key with its text.
#[derive(Clone, Debug)]
pub struct Key {
    pub id: String,
    pub secret: String,
    pub position: String,
}

/// A registered MCP server.
#[derive(Clone, Debug)]
pub struct Server {
    pub id: String,
    /// Its address at the public listener.
    pub path: String,
}

/// An organization with a server `tools` and a key for it.
#[derive(Clone, Debug)]
pub struct Ready {
    pub organization: Organization,
    pub server: String,
    pub path: String,
    pub key: Key,
}

/// An organization with the demo MCP server as `demo`, and a key for it.
pub struct Demo {
    pub organization: Organization,
    /// Where clients find it.
    pub url: String,
    pub path: String,
    pub key: Key,
    _server: gateway::dev::demo::Demo,
}

/// Starting a node and following a write take milliseconds; two cores shared by many tests may need more.
const START: Duration = Duration::from_secs(30);
const SETTLE: Duration = Duration::from_secs(10);

impl Spine {
    /// With a configuration that allows upstreams on loopback.
    pub async fn start() -> Self {
        Self::with(|_| ()).await
    }

    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::build(Postgres::start().await, change).await
    }

    /// With a PostgreSQL of its own, which the test may stop.
    pub async fn breakable(change: impl FnOnce(&mut Config)) -> Self {
        Self::build(Postgres::own().await, change).await
    }

    /// Whose read models lie behind a PgBouncer of this mode. `None`: there is none on this machine.
    pub async fn behind_pgbouncer(mode: &str) -> Option<(Self, PgBouncer)> {
        let postgres = Postgres::start().await;
        let bouncer = PgBouncer::start(&postgres, mode).await?;
        let url = Secret::from(bouncer.url().to_owned());
        let behind = |config: &mut Config| {
            config.postgres.as_mut().expect("read models are configured").url = Some(url);
        };
        Some((Self::build(postgres, behind).await, bouncer))
    }

    async fn build(postgres: Postgres, change: impl FnOnce(&mut Config)) -> Self {
        gateway::crypto::install();
        let nats = Nats::start().await;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut config = configuration::of(&nats, &postgres, folder.path());
        change(&mut config);
        let admin_key = set_up(&config, 1).await;
        let unbound = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut spine = Self {
            config,
            admin_key,
            public: unbound,
            admin: unbound,
            metrics: unbound,
            settle: SETTLE,
            node: None,
            organizations: AtomicUsize::new(0),
            nats,
            postgres,
            folder,
        };
        spine.start_node().await;
        spine.becomes_ready().await;
        spine
    }

    /// Starts the node, which need not become ready.
    pub async fn start_node(&mut self) {
        assert!(self.node.is_none(), "the node runs");
        let running =
            serve::start(self.config.clone()).await.unwrap_or_else(|error| panic!("the node: {error}"));
        let addresses = running.addresses();
        self.public = addresses.public.expect("a public listener");
        self.admin = addresses.admin.expect("an admin listener");
        self.metrics = addresses.metrics.expect("a metrics listener");
        self.node = Some(running);
    }

    pub async fn stop_node(&mut self) {
        self.node.take().expect("the node runs").shutdown().await;
    }

    /// It looks at its files anew, as on SIGHUP.
    pub fn reload(&self) {
        self.node.as_ref().expect("the node runs").reload();
    }

    /// Servers in place of the present ones, which end. The node must not run; its master keys stay.
    pub fn move_to(&mut self, nats: Nats, postgres: Postgres) {
        assert!(self.node.is_none(), "the node runs");
        let moved = configuration::of(&nats, &postgres, self.folder.path());
        self.config.nats = moved.nats;
        self.config.postgres = moved.postgres;
        self.nats = nats;
        self.postgres = postgres;
    }

    /// `keyledger restore --accept-loss`; `None`: nothing is lost, or it was accepted before. The node must not run.
    pub async fn accept_loss(&self) -> Option<Loss> {
        let bootstrap = bootstrap(&self.config).await;
        let client = connections::client(&self.config, NatsRole::Control).await.expect("a connection");
        let places = [Sources::new(Checkpoints::new(client, Shard::ZERO), bootstrap.node.clone(), None)];
        let found = loss::look(&*bootstrap.log, &places).await.expect("the log can be read");
        let Standing::Lost(loss) = found.standing else { return None };
        bootstrap.accept_loss(loss.kept, loss.lost.clone()).await.expect("it is written");
        Some(loss)
    }

    pub async fn becomes_ready(&self) -> Duration {
        let ((), took) = poll::until("the node is ready", START, async || match self.ready_answer().await {
            answer if answer.status == 200 => Ok(()),
            answer => Err((answer.status, answer.text())),
        })
        .await;
        took
    }

    /// What `/readyz` says.
    pub async fn ready_answer(&self) -> Answer {
        Ask::get("/readyz").send(self.metrics).await
    }

    /// Waits until the node serves from this position.
    pub async fn follows(&self, position: &str) {
        let position = position.parse().expect("a position");
        let gate = self.node.as_ref().and_then(Running::gate).expect("the node runs");
        assert!(gate.wait_applied(&position, SETTLE).await, "the node does not reach {position}");
    }

    /// Asks the admin API with the installation's key.
    pub async fn admin(&self, ask: Ask) -> Answer {
        ask.bearer(&self.admin_key).send(self.admin).await
    }

    /// A write that succeeds, and that the node has followed.
    pub async fn write(&self, ask: Ask) -> Value {
        let answer = self.admin(ask).await;
        assert!(matches!(answer.status, 200 | 201), "{answer:?}");
        let body = answer.json();
        self.follows(body["position"].as_str().expect("a position")).await;
        body
    }

    pub async fn organization(&self, slug: &str) -> Organization {
        let body =
            self.write(Ask::post("/api/v1/organizations", &json!({"slug": slug, "name": "Test"}))).await;
        Organization { id: text(&body, "id"), slug: slug.to_owned() }
    }

    pub async fn register(&self, organization: &Organization, slug: &str, upstream: &str) -> Server {
        // What an upstream was asked is what the test asks it.
        let body = json!({"slug": slug, "name": "Test", "upstream": upstream, "try_upstream": false});
        let body = self.write(Ask::post(organization.path("servers"), &body)).await;
        Server { id: text(&body, "id"), path: format!("/mcp/{}/{slug}", organization.slug) }
    }

    /// Issues a key and does not wait for the node.
    pub async fn issue(&self, organization: &Organization, mut key: Value) -> Key {
        if key["name"].is_null() {
            key["name"] = json!("test");
        }
        let body = self.admin(Ask::post(organization.path("keys"), &key)).await.expect(201).json();
        Key { id: text(&body, "id"), secret: text(&body, "secret"), position: text(&body, "position") }
    }

    /// Issues a key that the node knows.
    pub async fn key_with(&self, organization: &Organization, key: Value) -> Key {
        let key = self.issue(organization, key).await;
        self.follows(&key.position).await;
        key
    }

    pub async fn key(&self, organization: &Organization, scopes: &[&str]) -> Key {
        self.key_with(organization, json!({"scopes": scopes})).await
    }

    pub async fn admin_of(&self, organization: &Organization) -> Key {
        self.key(organization, &["admin:*:*"]).await
    }

    /// `revoke`, `disable` or `enable`; does not wait for the node.
    pub async fn change_key(&self, organization: &Organization, id: &str, verb: &str) -> Value {
        let ask = Ask::post(format!("{}/{id}/{verb}", organization.path("keys")), &json!({}));
        self.admin(ask).await.expect(200).json()
    }

    /// The text of a key that is revoked, as the node knows.
    pub async fn revoked_key(&self, organization: &Organization) -> String {
        let key = self.key(organization, &["mcp:*"]).await;
        let done = self.change_key(organization, &key.id, "revoke").await;
        self.follows(&text(&done, "position")).await;
        key.secret
    }

    /// The text of a key whose time has passed.
    pub async fn expired_key(&self, organization: &Organization) -> String {
        let expires = SystemClock.now().saturating_add(Duration::from_millis(500));
        let key = json!({"scopes": ["mcp:*"], "expires_at": expires});
        let key = self.key_with(organization, key).await;
        poll::until("the key expires", SETTLE, async || match SystemClock.now() {
            now if now > expires => Ok(()),
            now => Err(now),
        })
        .await;
        key.secret
    }

    /// An organization of its own with this upstream as `tools`, and a key for it.
    pub async fn ready(&self, upstream: &Upstream) -> Ready {
        let number = self.organizations.fetch_add(1, Ordering::Relaxed);
        let organization = self.organization(&format!("acme-{number}")).await;
        let server = self.register(&organization, "tools", &upstream.url()).await;
        let key = self.key(&organization, &["mcp:tools"]).await;
        Ready { organization, server: server.id, path: server.path, key }
    }

    /// An organization with the demo MCP server.
    pub async fn demo(&self) -> Demo {
        let local = SocketAddr::from(([127, 0, 0, 1], 0));
        let demo = gateway::dev::demo::Demo::start(local).await.expect("the demo MCP server");
        let organization = self.organization("demo").await;
        let server = self.register(&organization, "demo", &demo.url()).await;
        let key = self.key(&organization, &["mcp:demo"]).await;
        let url = format!("http://{}{}", self.public, server.path);
        Demo { organization, url, path: server.path, key, _server: demo }
    }

    /// The events of a key, oldest first, as the read models have them at this position or later.
    pub async fn history(&self, organization: &Organization, key: &str, at_least: &str) -> Vec<Value> {
        let path = format!(
            "{}/{key}/history?order=oldest_first&limit=100&at_least={at_least}",
            organization.path("keys")
        );
        items(&self.admin(Ask::get(path)).await.expect(200))
    }

    /// A node that is in the fleet and says nothing: what others know of one that stands still. `change` goes over
    /// its record. Its id.
    pub async fn silent_node(&self, name: &str, change: &Value) -> String {
        let bucket = Bucket::of_fleet(self.nats.connect("control").await);
        let position = text(
            &self
                .admin(Ask::post("/api/v1/organizations", &json!({"slug": name, "name": "Test"})))
                .await
                .expect(201)
                .json(),
            "position",
        );
        let proof =
            self.admin(Ask::get(format!("/api/v1/fleet/proof?position={position}"))).await.expect(200).json();
        let known = text(&proof["members"][0], "id");
        let known =
            bucket.get(&format!("member.{known}")).await.expect("an answer").expect("the node's own record");
        let mut record: Value = serde_json::from_slice(&known.value).expect("JSON");
        let id = uuid_v7(&SystemClock, &SystemRandom).to_string();
        record["id"] = json!(id);
        record["name"] = json!(name);
        record["frontier"] = Value::Null;
        for (member, value) in change.as_object().expect("an object") {
            record[member] = value.clone();
        }
        let stored = bucket.put(&format!("member.{id}"), record.to_string().into(), 0).await;
        stored.expect("the record is stored");
        id
    }

    /// A time from now, as the API takes it.
    pub fn later(&self, seconds: u64) -> String {
        let time = SystemClock.now().saturating_add(Duration::from_secs(seconds));
        json!(time).as_str().expect("a time is text").to_owned()
    }
}

impl Organization {
    /// A collection of the organization's.
    pub fn path(&self, collection: &str) -> String {
        format!("/api/v1/organizations/{}/{collection}", self.id)
    }
}

/// The items of a page.
pub fn items(answer: &Answer) -> Vec<Value> {
    let body = answer.json();
    body["items"].as_array().unwrap_or_else(|| panic!("no items in {body}")).clone()
}

pub fn text(body: &Value, member: &str) -> String {
    body[member].as_str().unwrap_or_else(|| panic!("no {member} in {body}")).to_owned()
}

/// What an operator does once: streams and buckets, master keys, the installation and its first admin key.
pub(crate) async fn set_up(config: &Config, replicas: u8) -> String {
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let client = connections::client(config, NatsRole::Admin).await.expect("a connection as admin");
    let access = &config.access;
    setup::setup_keeping(&client, replicas, access).await.expect("streams and buckets");
    for file in [&config.vault.node_key_file, &config.vault.control_key_file, &config.vault.people_key_file] {
        MasterKey::read_or_create(file.as_deref().expect("a file"), &*random).expect("a master key");
    }
    let bootstrap = bootstrap(config).await;
    bootstrap.bootstrap().await.expect("a bootstrapped installation").key.expose().to_owned()
}

/// All as control, as `keyledger bootstrap` has it.
async fn bootstrap(config: &Config) -> Bootstrap {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let log = connections::log(config, NatsRole::Control, &clock, &random).await.expect("the log");
    let vault = async |name| connections::vault(config, name, log.client()).await.expect("a vault");
    Bootstrap {
        node: vault(VaultName::Node).await,
        control: vault(VaultName::Control).await,
        sealing: connections::sealing(config, log.client(), &clock, &random).await.expect("sealing keys"),
        log: Arc::new(log),
        clock,
        random,
        prefix: Prefix::live(),
    }
}
