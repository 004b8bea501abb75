//! `keyledger dev`: everything on this machine, shown to work, until it is told to end.
//!
//! Its parts start in order and end in the other: servers, installation, node, demo. A part that ends by itself
//! ends all. What the next start needs is in `kept.json`; what scripts read is in `dev.json`.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use domain::key::secret::Prefix;
use events::clock::{Clock, Random, SystemClock, SystemRandom};
use projections::directory::NotReady;
use serde::{Deserialize, Serialize};

use super::client::{Client, ClientError};
use super::demo::Demo;
use super::nats::{NatsOptions, NatsServer, NatsUser};
use super::nodes::{self as further, Addresses, Node};
use super::parts::Parts;
use super::place::{self, Home, PlaceError};
use super::port::Port;
use super::postgres::{PostgresOptions, PostgresServer};
use super::settings::{self, Ports, SettingsError};
use super::show::{self, Showing};
use super::sign_in::{self, KeptProvider};
use super::{Error, facts};
use crate::bootstrap::{Bootstrap, BootstrapError};
use crate::config::{Config, NatsRole};
use crate::serve::{self, Hangups, Running, ServeError, connections};
use crate::store::bucket::BucketError;
use crate::store::setup::{self, SetupError};
use crate::vault::{MasterKey, MasterKeyError, VaultName};

#[derive(Debug, Clone)]
pub struct DevOptions {
    /// Where everything is kept for the next start.
    pub data: PathBuf,
    /// How many nodes share the log, the first among them in this process.
    pub nodes: usize,
    /// Variables of its environment that would configure another process, and not this one.
    pub ignored: Vec<String>,
}

impl Default for DevOptions {
    fn default() -> Self {
        Self { data: PathBuf::from(".keyledger"), nodes: 1, ignored: Vec::new() }
    }
}

/// Why `dev` did not start, or ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum DevError {
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error(transparent)]
    Server(#[from] Error),
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error("the streams could not be set up: {0}")]
    Setup(#[from] SetupError),
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    #[error("the configuration's key prefix is none")]
    Prefix,
    #[error("PostgreSQL's tables: {0}")]
    ReadModels(#[from] projections::postgres::ReadModelError),
    #[error(transparent)]
    Fleet(#[from] BucketError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("the node is not ready: {reason}")]
    NotReady { reason: String },
    #[error("the node did not follow a change within {} s", READY_WITHIN.as_secs())]
    NotFollowed,
    #[error("the revoked key was still let in after {} s", show::REFUSED_WITHIN.as_secs())]
    StillLetIn,
    #[error("no port is free: {0}")]
    Port(std::io::Error),
    #[error("{0} has ended by itself; its log is {1}")]
    Ended(String, PathBuf),
    #[error("this program's own file was not found, to start further nodes: {0}")]
    Program(std::io::Error),
    #[error("the screen can't be written: {0}")]
    Screen(std::io::Error),
    #[error("signals can't be received: {0}")]
    Signals(std::io::Error),
}

pub(super) const READY_WITHIN: Duration = Duration::from_secs(60);
/// What holds a start up for so long is not of the start.
const STANDS: Duration = Duration::from_secs(5);
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Asked for first, in this order: public, admin, metrics.
const USUAL_PORTS: [u16; 3] = [8080, 8081, 9464];

/// What the next start needs.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Kept {
    pub ports: [u16; 3],
    /// Of the second and further nodes.
    pub node_ports: Vec<[u16; 3]>,
    pub demo_port: u16,
    pub provider: Option<KeptProvider>,
    pub admin_key: Option<String>,
    pub demo: Option<KeptDemo>,
}

/// The demo organization with its server and key.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct KeptDemo {
    pub organization: String,
    pub server: String,
    pub upstream: String,
    pub key_id: String,
    pub key: String,
}

/// Runs until SIGTERM or Ctrl-C. What it has to say goes to `screen`.
pub async fn run(options: DevOptions, screen: &mut (dyn Write + Send)) -> Result<(), DevError> {
    crate::crypto::install();
    let mut end = pin_end()?;
    let hangups = Hangups::listen();
    let place = Home::take(&options.data)?;
    if !options.ignored.is_empty() {
        say(screen, format_args!("{}", show::not_used(&options.ignored, &place)))?;
    }
    let mut parts = Parts::default();
    let outcome = tokio::select! {
        biased;
        () = &mut end => Ok(()),
        outcome = start_and_wait(&place, options.nodes, &mut parts, hangups, screen) => outcome,
    };
    let forgotten = place.forget_facts();
    say(screen, format_args!("\nending"))?;
    tokio::select! {
        () = parts.stop() => {}
        // Asked again: what still runs is killed with this process.
        () = pin_end()? => {}
    }
    outcome.and(forgotten.map_err(DevError::from))
}

/// Completes at SIGTERM or Ctrl-C; both are caught from now on.
fn pin_end() -> Result<std::pin::Pin<Box<dyn Future<Output = ()> + Send>>, DevError> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).map_err(DevError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(DevError::Signals)?;
    Ok(Box::pin(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }))
}

async fn start_and_wait(
    place: &Home,
    nodes: usize,
    parts: &mut Parts,
    hangups: Hangups,
    screen: &mut (dyn Write + Send),
) -> Result<(), DevError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let mut kept: Kept = place::read_json(&place.kept())?.unwrap_or_default();

    say(screen, format_args!("data is in {}, kept for the next start", place.root().display()))?;
    let config = start_servers(place, parts, &mut kept, &*random).await?;
    let admin_key = set_up(&config, kept.admin_key.take(), &clock, &random).await?;
    kept.admin_key = Some(admin_key.clone());
    place::write_json(&place.kept(), &kept)?;

    let running = parts.running.insert(serve::start(config.clone()).await?);
    let gate = running.gate().cloned();
    match (wait_until_ready(running).await, &kept.demo) {
        // What an installation of before is held up by is for people to judge, with all of it running: a log that was
        // restored older than its read models is one.
        (Err(DevError::NotReady { reason }), Some(demo)) => {
            if let Some(up) = parts.up(&config, &admin_key, demo) {
                facts::write(place, &up)?;
            }
            say(screen, format_args!("{}", show::not_ready(&reason, place)))?;
            return Err(parts.ended(place, hangups).await);
        }
        (outcome, _) => outcome?,
    }
    let demo = start_demo(&mut kept).await?;
    let upstream = demo.url();
    parts.demo = Some(demo);
    match sign_in::start(&mut kept.provider, &config, &clock, &random).await {
        Ok(provider) => parts.provider = Some(provider),
        // Its port is somebody else's now, and an issuer keeps its address.
        Err(error) => say(screen, format_args!("nobody can sign in: {error}"))?,
    }
    start_nodes(place, nodes, &mut kept, &mut parts.nodes).await?;
    let addresses: Vec<Addresses> = parts.nodes.iter().map(|node| node.addresses).collect();
    let showing = Showing::new(&config, &addresses, gate, Arc::clone(&clock));

    let admin_key = match showing.admin_key_is_good(&admin_key).await? {
        true => admin_key,
        // Revoked or expired since: the machine's owner lets itself in again, which is an event.
        false => bootstrap_of(&config, &clock, &random).await?.recover().await?.key.expose().to_owned(),
    };
    kept.admin_key = Some(admin_key.clone());
    let before = kept.demo.take();
    let demo = match (showing.prepare(&admin_key, before.clone(), &upstream).await, before) {
        // Somebody has suspended, disabled or removed what the demo rests on: that is theirs to undo.
        (Err(DevError::Client(_)), Some(before)) => before,
        (outcome, _) => outcome?,
    };
    kept.demo = Some(demo.clone());
    place::write_json(&place.kept(), &kept)?;
    if let Some(provider) = &parts.provider {
        match showing.sign_in(&admin_key, &demo, sign_in::issuer(provider)).await {
            // As above: whatever was suspended or removed.
            Err(DevError::Client(error)) => say(screen, format_args!("nobody can sign in: {error}"))?,
            outcome => outcome?,
        }
    }
    let shown = match showing.show(&admin_key, &demo).await {
        Err(DevError::Client(error)) => Err(error),
        outcome => Ok(outcome?),
    };

    if let Some(up) = parts.up(&config, &admin_key, &demo) {
        facts::write(place, &up)?;
        show::print(screen, place, &up, shown.as_ref()).map_err(DevError::Screen)?;
    }
    Err(parts.ended(place, hangups).await)
}

/// The second and further nodes, all ready.
async fn start_nodes(
    place: &Home,
    nodes: usize,
    kept: &mut Kept,
    started: &mut Vec<Node>,
) -> Result<(), DevError> {
    let further = nodes.saturating_sub(1);
    if kept.node_ports.len() < further {
        kept.node_ports.resize(further, [0; 3]);
    }
    for (number, ports) in (2..).zip(kept.node_ports.iter_mut().take(further)) {
        started.push(Node::start(place, number, ports).await?);
    }
    let client = Client::new();
    futures::future::try_join_all(started.iter().map(|node| node.becomes_ready(&client))).await?;
    Ok(())
}

/// nats-server and PostgreSQL with its tables, and the node's configuration.
async fn start_servers(
    place: &Home,
    parts: &mut Parts,
    kept: &mut Kept,
    random: &dyn Random,
) -> Result<Config, DevError> {
    let nats = NatsOptions {
        directory: place.nats(),
        users: NatsUser::each_role(),
        readers: Vec::new(),
        sync_always: true,
        cluster: None,
    };
    let postgres = PostgresOptions { directory: place.postgres(), max_connections: 50, durable: true };
    let nats = async { Ok::<_, DevError>(&*parts.nats.insert(NatsServer::start(&nats, random).await?)) };
    let postgres =
        async { Ok::<_, DevError>(&*parts.postgres.insert(PostgresServer::start(&postgres, random).await?)) };
    let (nats, postgres) = tokio::try_join!(nats, postgres)?;
    for (kept, usual) in kept.ports.iter_mut().zip(USUAL_PORTS) {
        let port = Port::take(&[*kept, usual]).map_err(DevError::Port)?;
        *kept = port.number();
        parts.ports.push(port);
    }
    let [public, admin, metrics] = kept.ports;
    let config = settings::write(place, Ports { public, admin, metrics }, nats, postgres)?;
    let pool = projections::postgres::connect(&postgres.url(), 1)?;
    projections::postgres::migrate(&pool).await?;
    Ok(config)
}

/// Streams, master keys, the installation; an admin key of it.
async fn set_up(
    config: &Config,
    admin_key: Option<String>,
    clock: &Arc<dyn Clock>,
    random: &Arc<dyn Random>,
) -> Result<String, DevError> {
    let admin = connections::client(config, NatsRole::Admin).await?;
    setup::setup_keeping(&admin, 1, &config.access).await?;
    further::forget_those_before(config).await?;
    let vault = &config.vault;
    for file in [&vault.node_key_file, &vault.control_key_file, &vault.people_key_file].into_iter().flatten()
    {
        MasterKey::read_or_create(file, &**random)?;
    }
    if let Some(key) = admin_key {
        return Ok(key);
    }
    let bootstrap = bootstrap_of(config, clock, random).await?;
    let first = match bootstrap.bootstrap().await {
        // Killed between the event and the note of its key.
        Err(BootstrapError::AlreadyBootstrapped | BootstrapError::Key(_)) => bootstrap.recover().await?,
        other => other?,
    };
    Ok(first.key.expose().to_owned())
}

async fn bootstrap_of(
    config: &Config,
    clock: &Arc<dyn Clock>,
    random: &Arc<dyn Random>,
) -> Result<Bootstrap, DevError> {
    let log = connections::log(config, NatsRole::Control, clock, random).await?;
    Ok(Bootstrap {
        node: connections::vault(config, VaultName::Node, log.client()).await?,
        control: connections::vault(config, VaultName::Control, log.client()).await?,
        sealing: connections::sealing(config, log.client(), clock, random).await?,
        prefix: config.keys.prefix.parse::<Prefix>().map_err(|_| DevError::Prefix)?,
        log: Arc::new(log),
        clock: Arc::clone(clock),
        random: Arc::clone(random),
    })
}

async fn wait_until_ready(running: &Running) -> Result<(), DevError> {
    let Some(gate) = running.gate() else { return Ok(()) };
    let ready = async {
        loop {
            match gate.check() {
                Ok(()) => return Ok(()),
                // Waiting mends none of these, unless it is of the start alone.
                Err(
                    reason
                    @ (NotReady::Held(_) | NotReady::Diverged(_) | NotReady::InstallationClosed { .. }),
                ) => {
                    let changes = async {
                        while gate.check().as_ref() == Err(&reason) {
                            tokio::time::sleep(LOOK_EVERY).await;
                        }
                    };
                    if tokio::time::timeout(STANDS, changes).await.is_err() {
                        return Err(reason);
                    }
                }
                Err(_) => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    };
    let ready = tokio::time::timeout(READY_WITHIN, ready).await.unwrap_or_else(|_| gate.check());
    ready.map_err(|reason| DevError::NotReady { reason: reason.to_string() })
}

/// On its earlier port if that is free: its address is registered.
async fn start_demo(kept: &mut Kept) -> Result<Demo, DevError> {
    let on = |port: u16| Demo::start(std::net::SocketAddr::from(([127, 0, 0, 1], port)));
    let demo = match on(kept.demo_port).await {
        Err(_) if kept.demo_port != 0 => on(0).await?,
        other => other?,
    };
    kept.demo_port = demo.address().port();
    Ok(demo)
}

pub(super) fn say(screen: &mut (dyn Write + Send), line: std::fmt::Arguments<'_>) -> Result<(), DevError> {
    writeln!(screen, "{line}").and_then(|()| screen.flush()).map_err(DevError::Screen)
}
