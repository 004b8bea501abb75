//! A node, and a log to tell it what is so.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use domain::key::secret::{Pepper, PlainKey, Prefix};
use events::clock::{Clock, SystemClock, SystemRandom, uuid_v7};
use events::event::Event;
use events::key::{Environment, Issued, KeyEvent, KeyOwner};
use events::organization::{Created, OrganizationEvent};
use events::sealed::SealedBytes;
use events::server::{Changed, Registered, ServerEvent, UpstreamSettings};
use events::*;
use metrics_exporter_prometheus::PrometheusBuilder;
use projections::directory::follow::{self, FollowConfig};
use projections::directory::gate::GateConfig;
use projections::directory::proof::NoCheckpoints;
use projections::directory::{Directory, Gate};
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use super::client::{Connection, Reply, post};
use super::told::{Told, writer};
use crate::config::LogFormat;
use crate::listener::{Bounds, Room, Sockets};
use crate::public::serve;
use crate::request::{Door, DoorParts, RequestSettings};
use crate::telemetry::calls::Writer;
use crate::upstream::{Guard, UpstreamConfig};
use crate::vault::{IdentityKey, NodeSecrets, Peppers, Ring, SessionKey};

/// One node, in an organization `acme` whose server `docs` is the upstream.
pub struct World {
    pub address: SocketAddr,
    pub directory: Arc<Directory>,
    pub organization: OrganizationId,
    pub server: ServerId,
    installation: InstallationId,
    pub door: Arc<Door>,
    gate: Arc<Gate>,
    slept: Arc<Slept>,
    log: Arc<Told>,
    pepper: Pepper,
    tasks: JoinSet<()>,
    pub cancel: CancellationToken,
    _cancel: DropGuard,
}

/// The clock of a machine that may have slept: timers stood still meanwhile, and the monotonic clock went on.
#[derive(Default)]
struct Slept(AtomicU64);

impl Clock for Slept {
    fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    fn instant(&self) -> Instant {
        SystemClock.instant() + Duration::from_secs(self.0.load(Ordering::Relaxed))
    }
}

pub fn new_id() -> Uuid {
    uuid_v7(&SystemClock, &SystemRandom)
}

pub fn sealed() -> SealedText {
    let none = || SealedBytes(Vec::new());
    SealedText { key: SealingKeyId::new(Uuid::nil()), nonce: none(), ciphertext: none() }
}

/// With these networks open.
pub fn open_to(allow: Vec<ipnet::IpNet>) -> UpstreamConfig {
    UpstreamConfig { guard: Arc::new(Guard::new(allow, Vec::new())), ..UpstreamConfig::default() }
}

/// Settings for tests: loopback upstreams. No look comes while a test lasts: what ends, ends by what happens.
pub fn settings() -> RequestSettings {
    RequestSettings {
        upstream: open_to(vec!["127.0.0.0/8".parse().unwrap()]),
        recheck_every: Duration::from_secs(600),
        ..RequestSettings::new("https://mcp.example.com".parse().unwrap())
    }
}

/// What a listener for tests holds, and for how long.
pub struct Listening {
    pub threads: usize,
    pub connections: usize,
    pub bounds: Bounds,
}

pub fn listening() -> Listening {
    let bounds = Bounds { drain: Duration::from_millis(100), ..Bounds::default() };
    Listening { threads: 1, connections: 1_000, bounds }
}

impl World {
    pub async fn new(upstream: &str) -> Self {
        Self::with(upstream, settings()).await
    }

    pub async fn with(upstream: &str, settings: RequestSettings) -> Self {
        Self::listening(upstream, settings, listening()).await
    }

    pub async fn bounded(upstream: &str, bounds: Bounds) -> Self {
        Self::listening(upstream, settings(), Listening { bounds, ..listening() }).await
    }

    pub async fn listening(upstream: &str, settings: RequestSettings, listening: Listening) -> Self {
        crate::crypto::install();
        let log = Arc::new(Told::new());
        let slept = Arc::new(Slept::default());
        let clock: Arc<dyn Clock> = Arc::<Slept>::clone(&slept);
        let directory = Arc::new(Directory::new());
        let gate = Arc::new(Gate::new(Arc::clone(&directory), Arc::clone(&clock), GateConfig::default()));
        let pepper = Pepper::new(PepperId::new(new_id()), &[1; 32]);
        let secrets = NodeSecrets {
            peppers: Peppers::one(pepper.clone()),
            identity: Ring::one(new_id(), IdentityKey::from_seed(new_id(), &[2; 32]).unwrap()),
            session: Ring::one(new_id(), SessionKey::new(new_id(), [3; 32])),
        };
        let Listening { threads, connections, bounds } = listening;
        let sockets = Sockets::bind(SocketAddr::from(([127, 0, 0, 1], 0)), threads).unwrap();
        let address = sockets.address();
        let room = Room::new("public", connections, bounds, Arc::new(SystemClock));
        let door = Door::new(DoorParts {
            directory: Arc::clone(&directory),
            gate: Arc::clone(&gate),
            secrets: Arc::new(secrets),
            clock: Arc::clone(&clock),
            random: Arc::new(SystemRandom),
            settings,
            attempts: None,
        })
        .unwrap();
        let cancel = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let serving = serve(Arc::clone(&door), None, sockets, room, None, cancel.clone());
        tasks.spawn(async move { serving.await.unwrap() });
        let config = FollowConfig { ask_every: Duration::from_millis(10), ..FollowConfig::default() };
        tasks.spawn(follow::run(
            Arc::<Told>::clone(&log),
            Arc::new(NoCheckpoints),
            Arc::clone(&directory),
            Arc::clone(&gate),
            clock,
            config,
            // It follows until the world ends: a node that drains still answers for keys.
            CancellationToken::new(),
        ));
        let organization = OrganizationId::new(new_id());
        let server = ServerId::new(new_id());
        let installation = InstallationId::new(new_id());
        let world = Self {
            address,
            directory,
            organization,
            server,
            installation,
            door,
            gate,
            slept,
            log,
            pepper,
            tasks,
            _cancel: cancel.clone().drop_guard(),
            cancel,
        };
        world.installation_event(events::installation::InstallationEvent::Bootstrapped(
            events::installation::Bootstrapped {
                admin_key: KeyId::new(new_id()),
                pepper: world.pepper.id(),
                writer: writer().public(),
                checkpoint: writer().public(),
            },
        ));
        world.organization_created(organization, "acme");
        world.server_registered(organization, server, "docs", upstream);
        world.told().await;
        world
    }

    /// The machine sleeps and wakes.
    pub fn sleep(&self, seconds: u64) {
        self.slept.0.fetch_add(seconds, Ordering::Relaxed);
    }

    /// What the access log says of the calls since it was asked last, of one at least.
    pub async fn access_lines(&self) -> String {
        let mut out = Vec::new();
        let mut writer = Writer::new(Arc::clone(self.door.calls()), Some(LogFormat::Json), &mut out);
        super::until("a call is noted", || std::future::ready(self.door.calls().are_waiting())).await;
        // Lines are written where somebody listens.
        tracing::subscriber::with_default(tracing_subscriber::registry(), || writer.tell());
        drop(writer);
        String::from_utf8(out).unwrap()
    }

    /// What a writer that has told of no call yet has in metrics.
    pub fn metrics_of_calls(&self) -> String {
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, || {
            Writer::new(Arc::clone(self.door.calls()), None, Vec::new())
                .with_servers_of(Arc::clone(&self.directory), Arc::clone(&self.gate))
                .tell();
        });
        recorder.handle().render()
    }

    /// Until the node knows all that was pushed, and is ready.
    pub async fn told(&self) {
        let length = self.log.length();
        super::until("the node is told", || async {
            self.directory.applied() >= length && self.gate.check().is_ok()
        })
        .await;
        assert!(!self.tasks.is_empty());
    }

    /// Stores an event as control would.
    pub fn push(&self, subject: Subject, event: Event) {
        self.log.push(subject, event);
    }

    pub fn installation_event(&self, event: events::installation::InstallationEvent) {
        self.log.push(Subject::installation(self.installation), Event::Installation(event));
    }

    pub fn organization_created(&self, id: OrganizationId, slug: &str) {
        let created = Created { slug: slug.parse().unwrap(), name: sealed(), home_shard: Shard::ZERO };
        self.log.push(Subject::organization(id), Event::Organization(OrganizationEvent::Created(created)));
    }

    pub fn server_registered(&self, organization: OrganizationId, id: ServerId, slug: &str, upstream: &str) {
        let registered = Registered {
            slug: slug.parse().unwrap(),
            upstream: upstream.parse().unwrap(),
            enabled: true,
            name: sealed(),
            settings: UpstreamSettings::default(),
        };
        let event = Event::Server(ServerEvent::Registered(registered));
        self.log.push(Subject::server(organization, id), event);
    }

    pub fn server_changed(&self, changed: Changed) {
        let subject = Subject::server(self.organization, self.server);
        self.log.push(subject, Event::Server(ServerEvent::Changed(changed)));
    }

    pub fn organization_event(&self, event: OrganizationEvent) {
        self.log.push(Subject::organization(self.organization), Event::Organization(event));
    }

    /// Issues a key of `acme` and waits until it works.
    pub async fn key(&self, scopes: &str) -> Key {
        let key = self.issue(Owner::Organization(self.organization), scopes, |_| {});
        self.told().await;
        key
    }

    pub fn issue(&self, owner: Owner, scopes: &str, change: impl FnOnce(&mut Issued)) -> Key {
        let plain = PlainKey::draw(&Prefix::live(), &SystemRandom);
        let id = KeyId::new(new_id());
        let mut issued = Issued {
            secret_id: SecretId::new(new_id()),
            digest: self.pepper.digest(&plain.parsed()),
            prefix: "kl_live".to_owned(),
            last_four: plain.parsed().last_four().to_owned(),
            owner: match owner {
                Owner::Installation => KeyOwner::Installation,
                Owner::Organization(_) => KeyOwner::Organization,
            },
            environment: Environment::Live,
            not_before: None,
            expires_at: None,
            scopes: scopes.parse().unwrap(),
            issued_by: Actor::bootstrap(),
            name: sealed(),
            metadata: None,
        };
        change(&mut issued);
        self.log.push(Subject::key(owner, id), Event::Key(KeyEvent::Issued(issued)));
        Key { id, owner, text: plain.expose().to_owned() }
    }

    /// An event about the installation that no version of ours can read.
    pub fn installation_closed(&self) {
        let subject = Subject::installation(InstallationId::new(new_id()));
        let event = Event::Installation(events::installation::InstallationEvent::Recovered(
            events::installation::Recovered { admin_key: KeyId::new(new_id()) },
        ));
        self.log.push_altered(subject, event, |payload| {
            payload.replace("installation.recovered", "installation.moved")
        });
    }

    pub fn key_event(&self, key: &Key, event: KeyEvent) {
        self.log.push(Subject::key(key.owner, key.id), Event::Key(event));
    }

    /// Sends a POST to `docs` and reads the whole answer.
    pub async fn post(&self, key: &Key, headers: &str, body: &str) -> Reply {
        self.exchange(&post(&format!("Authorization: Bearer {}\r\n{headers}", key.text), body)).await
    }

    pub async fn exchange(&self, request: &str) -> Reply {
        let mut connection = Connection::open(self.address).await;
        connection.write(request).await;
        connection.reply().await
    }
}

pub struct Key {
    pub id: KeyId,
    pub owner: Owner,
    pub text: String,
}
