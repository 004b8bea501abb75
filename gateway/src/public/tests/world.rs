//! A node, and a log to tell it what is so.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::key::secret::{Pepper, PlainKey, Prefix};
use events::clock::{Clock, SystemClock, SystemRandom, uuid_v7};
use events::envelope::Fingerprint;
use events::event::Event;
use events::key::{Environment, Issued, KeyEvent, KeyOwner};
use events::log::{
    AppendError, Batch, FollowError, Follower, History, Known, Log, Quorum, ReadError, Stored, StreamInfo,
};
use events::organization::{Created, OrganizationEvent};
use events::position::Place;
use events::sealed::SealedBytes;
use events::server::{Changed, Registered, ServerEvent, UpstreamSettings};
use events::*;
use projections::directory::follow::{self, FollowConfig};
use projections::directory::gate::GateConfig;
use projections::directory::proof::NoCheckpoints;
use projections::directory::{Directory, Gate};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use super::client::{Connection, Reply, post};
use crate::listener::{Bounds, Room, Sockets};
use crate::public::serve;
use crate::request::{Door, DoorParts, RequestSettings};
use crate::upstream::{Guard, UpstreamConfig};
use crate::vault::node::{IdentityKey, NodeSecrets, Peppers, SessionKey};

/// Signs all that is pushed.
fn writer() -> SigningKey {
    SigningKey::from_seed(SignerId::new(Uuid::from_u128(1)), &[1; 32]).unwrap()
}

/// A log in memory: what is pushed is followed.
struct Told {
    id: LogId,
    events: Mutex<Vec<Stored>>,
    length: watch::Sender<u64>,
}

impl Told {
    fn push(&self, subject: Subject, event: Event) {
        self.push_altered(subject, event, |payload| payload);
    }

    fn push_altered(&self, subject: Subject, event: Event, alter: impl FnOnce(String) -> String) {
        let mut events = self.events.lock().unwrap();
        let sequence = events.len() as u64 + 1;
        let id = if sequence == 1 { EventId::new(self.id.uuid()) } else { EventId::new(new_id()) };
        let draft = Draft {
            id,
            log: self.id,
            time: SystemClock.now(),
            subject: subject.clone(),
            actor: Actor::bootstrap(),
            command: CommandId::new(new_id()),
            fingerprint: Fingerprint([0; 32]),
            causation: None,
            event,
        };
        let payload = draft.signed(&writer()).unwrap().payload().to_vec();
        events.push(Stored {
            sequence,
            subject: subject.to_string(),
            stored_at: SystemClock.now(),
            payload: alter(String::from_utf8(payload).unwrap()).into(),
        });
        self.length.send_replace(sequence);
    }
}

#[async_trait]
impl Log for Told {
    async fn id(&self) -> Result<LogId, ReadError> {
        Ok(self.id)
    }

    async fn append(&self, _: Batch) -> Result<Position, AppendError> {
        Err(AppendError::Refused("read alone".to_owned()))
    }

    async fn history_after(&self, _: &Subject, _: Known) -> Result<History, ReadError> {
        Ok(History::default())
    }

    async fn message(&self, sequence: u64) -> Result<Option<Stored>, ReadError> {
        Ok(self.events.lock().unwrap().get(sequence as usize - 1).cloned())
    }

    async fn info(&self) -> Result<StreamInfo, ReadError> {
        let last_sequence = *self.length.borrow();
        let (server_time, asked_at) = (SystemClock.now(), SystemClock.instant());
        Ok(StreamInfo {
            last_sequence,
            messages: last_sequence,
            server_time,
            asked_at,
            quorum: Quorum::Single,
        })
    }

    async fn follow(&self, after: Option<Place>) -> Result<Follower, FollowError> {
        let next = after.map_or(0, |place| place.sequence as usize);
        let events: Vec<_> = self.events.lock().unwrap()[next..].to_vec();
        let seen = next + events.len();
        let mut length = self.length.subscribe();
        let end = async move {
            let _ = length.wait_for(|length| *length > seen as u64).await;
            // Follows anew from its place.
            Err(FollowError::Unavailable("more".to_owned()))
        };
        let events = futures::stream::iter(events.into_iter().map(Ok));
        Ok(Box::pin(futures::StreamExt::chain(events, futures::stream::once(end))))
    }
}

/// One node, in an organization `acme` whose server `docs` is the upstream.
pub struct World {
    pub address: SocketAddr,
    pub directory: Arc<Directory>,
    pub organization: OrganizationId,
    pub server: ServerId,
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
        let log = Arc::new(Told {
            id: LogId::new(new_id()),
            events: Mutex::default(),
            length: watch::Sender::new(0),
        });
        let slept = Arc::new(Slept::default());
        let clock: Arc<dyn Clock> = Arc::<Slept>::clone(&slept);
        let directory = Arc::new(Directory::new());
        let gate = Arc::new(Gate::new(Arc::clone(&directory), Arc::clone(&clock), GateConfig::default()));
        let pepper = Pepper::new(PepperId::new(new_id()), &[1; 32]);
        let secrets = NodeSecrets {
            peppers: Peppers::one(pepper.clone()),
            identity: IdentityKey::from_seed(new_id(), &[2; 32]).unwrap(),
            session: SessionKey::new(new_id(), [3; 32]),
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
        })
        .unwrap();
        let cancel = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let serving = serve(Arc::clone(&door), sockets, room, None, cancel.clone());
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
        let world = Self {
            address,
            directory,
            organization,
            server,
            door,
            gate,
            slept,
            log,
            pepper,
            tasks,
            _cancel: cancel.clone().drop_guard(),
            cancel,
        };
        let installation = InstallationId::new(new_id());
        world.log.push(
            Subject::installation(installation),
            Event::Installation(events::installation::InstallationEvent::Bootstrapped(
                events::installation::Bootstrapped {
                    admin_key: KeyId::new(new_id()),
                    pepper: world.pepper.id(),
                    writer: writer().public(),
                    checkpoint: writer().public(),
                },
            )),
        );
        world.organization_created(organization, "acme");
        world.server_registered(organization, server, "docs", upstream);
        world.told().await;
        world
    }

    /// The machine sleeps and wakes.
    pub fn sleep(&self, seconds: u64) {
        self.slept.0.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Until the node knows all that was pushed, and is ready.
    pub async fn told(&self) {
        let length = *self.log.length.borrow();
        super::until("the node is told", || async {
            self.directory.applied() >= length && self.gate.check().is_ok()
        })
        .await;
        assert!(!self.tasks.is_empty());
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
