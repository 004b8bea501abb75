//! Puts a process together from its configuration: which roles, which connections, which listeners.
//!
//! Promises: what can be wrong with the configuration is told before a listener opens; tasks have an owner and
//! end with [`Running::shutdown`]. It leaves to `/readyz` whether the process may answer for keys yet.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use events::clock::{Clock, Random, SystemClock, SystemRandom};
use events::lasting::Lasting;
use events::log::jetstream::{ConnectError, OpenError};
use projections::directory::gate::GateConfig;
use projections::directory::{Directory, Gate};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{Config, ConfigError, NatsRole, Role};
use crate::fleet::Fleet;
use crate::fleet::membership::{About, Membership};
use crate::listener::{Tls, TlsError};
use crate::public::PublicError;
use crate::request::DoorError;
use crate::snapshots::Signers;
use crate::store;
use crate::store::bucket::Bucket;
use crate::telemetry::asked::{Asked, Lacks};
use crate::upstream::TrustNow;
use crate::vault::{MasterKeyError, NodeSecrets, Vault, VaultError, VaultName, signer};
use descriptors::Places;
pub use signals::{Hangups, end_asked};

mod accounts;
mod apart;
mod attempts;
pub mod connections;
mod descriptors;
mod directory;
mod listeners;
mod measured;
pub mod outlets;
mod secrets;
mod signals;
mod snapshots;
mod stream;
mod upstreams;
pub mod worker;

/// Why a process did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("the event log can't be used: {0}")]
    Log(#[from] OpenError),
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    #[error("{0}; has `keyledger bootstrap` run?")]
    Vault(#[from] VaultError),
    #[error("configuration key `{key}`: can't listen on {address}: {source}")]
    Listen { key: &'static str, address: SocketAddr, source: std::io::Error },
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("a listener ended by itself; the log says why")]
    Ended,
    #[error("a thread of a listener could not be started: {0}")]
    Thread(std::io::Error),
    #[error("the public listener can't start: {0}")]
    Public(#[from] PublicError),
    #[error(transparent)]
    Door(#[from] DoorError),
    #[error("metrics can't be collected: {0}")]
    Metrics(String),
}

/// A process that runs.
pub struct Running {
    addresses: Addresses,
    gate: Option<Arc<Gate>>,
    drain: Duration,
    reload: watch::Sender<()>,
    /// Cancelled: `/readyz` says that the process ends.
    ending: CancellationToken,
    stages: Stages,
}

/// Where a process listens.
#[derive(Debug, Clone, Copy, Default)]
pub struct Addresses {
    pub public: Option<SocketAddr>,
    pub admin: Option<SocketAddr>,
    pub accounts: Option<SocketAddr>,
    pub metrics: Option<SocketAddr>,
}

/// What every part of a process is handed.
#[derive(Clone)]
struct Process {
    config: Arc<Config>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    /// It has been told to end; what it serves goes on until `cancel`.
    ending: CancellationToken,
    cancel: CancellationToken,
    tasks: TaskTracker,
    /// Told that files and vaults may have changed.
    reload: watch::Receiver<()>,
    /// Its place among the others.
    membership: Stage,
    /// Those that open requests rest on.
    followers: Stage,
    fleet: Fleet,
    places: Places,
    /// `None`: plain HTTP, on loopback or behind a proxy that ends TLS.
    tls: Option<Tls>,
    trust: TrustNow,
    /// The keys that sign events: one set for all of a process that reads the log.
    signers: Arc<events::Signers>,
    /// What is measured when the metrics are asked for.
    at_scrape: Asked<()>,
    lacks: Lacks,
    /// The log's stream is not as it must be: found over each connection, and told once.
    stream_differs: Arc<Lasting>,
}

/// Tasks that end together.
#[derive(Clone, Default)]
struct Stage {
    cancel: CancellationToken,
    tasks: TaskTracker,
}

/// A process's tasks, in the order in which they end: a request under way needs a lease in the fleet and a directory
/// that is told what changes, or the gate closes on it.
struct Stages {
    listeners: Stage,
    membership: Stage,
    followers: Stage,
}

/// What a process that answers for keys holds.
#[derive(Clone)]
struct Authenticating {
    directory: Arc<Directory>,
    gate: Arc<Gate>,
    secrets: Arc<NodeSecrets>,
    /// Where they lie.
    vault: Vault,
    client: store::Client,
}

/// How long a shutdown waits for open requests.
const GRACE: Duration = Duration::from_secs(10);

/// Starts every role of the configuration and returns when its listeners are open.
pub async fn start(config: Config) -> Result<Running, ServeError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (tls, tls_keeper) = listeners::tls(&config)?.unzip();
    let (trust, trust_keeper) = upstreams::trust(&config)?;
    let reload = watch::Sender::new(());
    let process = Process {
        reload: reload.subscribe(),
        places: Places::of(&config),
        tls,
        trust,
        signers: Arc::default(),
        config: Arc::new(config),
        fleet: Fleet::new(Arc::clone(&clock)),
        at_scrape: Asked::default(),
        lacks: Lacks::default(),
        stream_differs: Arc::new(Lasting::new(Arc::clone(&clock), stream::DIFFERS)),
        clock,
        random: Arc::new(SystemRandom),
        ending: CancellationToken::new(),
        cancel: CancellationToken::new(),
        tasks: TaskTracker::new(),
        membership: Stage::default(),
        followers: Stage::default(),
    };
    if let Some(keeper) = tls_keeper {
        process.tell_state(keeper.unusable());
        process.tasks.spawn(keeper.run(reload.subscribe(), process.cancel.clone()));
    }
    if let Some(keeper) = trust_keeper {
        process.tell_state(keeper.unusable());
        process.tasks.spawn(keeper.run(reload.subscribe(), process.cancel.clone()));
    }
    process.tell_state(Arc::clone(&process.stream_differs));
    // Apart from those that wait for it: it holds every part while it is made.
    let started = Box::pin(process.start()).await;
    let Process { config, ending, cancel, tasks, membership, followers, .. } = process;
    let stages = Stages { listeners: Stage { cancel, tasks }, membership, followers };
    let drain = config.listen.drain();
    match started {
        Ok((addresses, gate)) => Ok(Running { addresses, gate, drain, reload, ending, stages }),
        Err(error) => {
            // What has started already must not outlive the failure.
            stages.end().await;
            Err(error)
        }
    }
}

/// Runs until the process is told to end (SIGTERM, Ctrl-C). Told so again, it drains no longer. SIGHUP has it look at
/// its files anew.
pub async fn run(config: Config) -> Result<(), ServeError> {
    let hangups = Hangups::listen();
    let running = start(config).await?;
    let Addresses { public, admin, accounts, metrics } = running.addresses();
    let [public, admin, accounts, metrics] =
        [public, admin, accounts, metrics].map(|address| address.map(tracing::field::display));
    tracing::info!(public, admin, accounts, metrics, "listening");
    tokio::select! {
        () = end_asked() => {}
        () = running.ended() => return Err(ServeError::Ended),
        never = hangups.each(|| running.reload()) => match never {},
    }
    running.drain(end_asked()).await;
    tracing::info!("ending: new connections are refused, open requests get {} s", GRACE.as_secs());
    running.shutdown().await;
    Ok(())
}

impl Running {
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Whether the process answers for keys; `None`: its roles ask for none.
    pub fn gate(&self) -> Option<&Arc<Gate>> {
        self.gate.as_ref()
    }

    /// Looks at what may change while it runs: TLS's files, the authorities of upstreams, PostgreSQL's URL, the vaults.
    pub fn reload(&self) {
        self.reload.send_replace(());
    }

    /// Waits until a listener has ended by itself.
    pub async fn ended(&self) {
        self.stages.listeners.cancel.cancelled().await;
    }

    /// Says at `/readyz` that the process ends, and serves on for `listen.drain_ms`, so that whoever follows
    /// `/readyz` is elsewhere before anything is refused. `hurry` cuts it short.
    pub async fn drain(&self, hurry: impl Future<Output = ()>) {
        self.ending.cancel();
        if self.drain.is_zero() {
            return;
        }
        tracing::info!("draining: not ready any more, and serving on for {} ms", self.drain.as_millis());
        tokio::select! {
            () = tokio::time::sleep(self.drain) => {}
            () = hurry => {}
            () = self.ended() => {}
        }
    }

    /// Ends every task; open requests get a bounded time.
    pub async fn shutdown(self) {
        self.ending.cancel();
        self.stages.end().await;
    }
}

impl Stages {
    async fn end(self) {
        self.listeners.end(GRACE + Duration::from_secs(5)).await;
        self.membership.end(Duration::from_secs(5)).await;
        self.followers.end(Duration::from_secs(5)).await;
    }
}

impl Stage {
    async fn end(self, within: Duration) {
        self.cancel.cancel();
        self.tasks.close();
        if tokio::time::timeout(within, self.tasks.wait()).await.is_err() {
            tracing::warn!(left = self.tasks.len(), "tasks were left behind");
        }
    }
}

impl Process {
    async fn start(&self) -> Result<(Addresses, Option<Arc<Gate>>), ServeError> {
        let metrics = crate::telemetry::metrics().map_err(ServeError::Metrics)?;
        let mut addresses = Addresses::default();
        let authenticating = if self.config.has(Role::Node) || self.config.has(Role::Control) {
            Some(self.authenticate().await?)
        } else {
            let client = connections::client_for(&self.config, NatsRole::Worker, "fleet").await?;
            self.measure_nats("fleet", client.clone());
            self.join_fleet(client, None);
            None
        };
        self.watch_postgres()?;
        let mut read_models = None;
        if self.config.has(Role::Worker) {
            let (origin, held, measured) = worker::start(self).await?;
            read_models = Some(origin);
            let gate = snapshots::start(self, authenticating.as_ref(), held).await?;
            self.tell_silence(&gate);
            self.measure_projections(measured, gate);
        }
        if let (Some(parts), Some(state)) = (&authenticating, &read_models) {
            worker::hold_gate(self, Arc::clone(&parts.gate), state.clone());
        }
        if let Some(parts) = &authenticating {
            let mut handed = None;
            if self.config.has(Role::Control) {
                let (address, control) = Box::pin(listeners::admin(self, parts)).await?;
                addresses.admin = Some(address);
                let (address, accounts) = accounts::accounts(self, parts, &control).await?;
                (addresses.accounts, handed) = (address, Some(accounts));
            }
            if self.config.has(Role::Node) {
                addresses.public = Some(listeners::public(self, parts, handed)?);
            }
        }
        let gate = authenticating.map(|parts| parts.gate);
        addresses.metrics = Some(listeners::metrics(self, gate.clone(), read_models, metrics).await?);
        Ok((addresses, gate))
    }

    /// What both the node and the control role answer for keys with: one directory, one gate.
    async fn authenticate(&self) -> Result<Authenticating, ServeError> {
        let role = if self.config.has(Role::Node) { NatsRole::Node } else { NatsRole::Control };
        let log = connections::log_for(self, role, "directory").await?;
        let vault = connections::vault(&self.config, VaultName::Node, log.client()).await?;
        let secrets = Arc::new(NodeSecrets::load(&vault, self.clock.now()).await?);
        match signer::first(&vault).await? {
            Some(first) => self.signers.begin_with(first),
            None => tracing::warn!("control has not told yet with which key the log begins: any is believed"),
        }
        self.watch_stream(&log);
        secrets::watch_keys(self, vault.clone());
        let client = log.client().clone();
        self.measure_nats(role.as_str(), client.clone());
        let (directory, gate) = self.follow(log, Signers::Node(vault.clone()), self.gate_config())?;
        self.tell_age(&gate);
        self.join_fleet(client.clone(), Some(Arc::clone(&gate)));
        Ok(Authenticating { directory, gate, secrets, vault, client })
    }

    fn gate_config(&self) -> GateConfig {
        GateConfig {
            max_staleness: self.config.freshness.max_staleness(),
            on_stale: self.config.freshness.on_stale,
            max_clock_skew: Duration::from_millis(self.config.freshness.max_clock_skew_ms),
            needs_lease: true,
        }
    }

    fn join_fleet(&self, client: store::Client, gate: Option<Arc<Gate>>) {
        let about = About {
            name: self.config.fleet_name(),
            roles: self.config.roles.clone(),
            on_stale: self.config.freshness.on_stale,
            max_staleness: self.config.freshness.max_staleness(),
            lease: Duration::from_millis(self.config.fleet.lease_ms),
        };
        let membership = Membership::new(
            about,
            Bucket::of_fleet(client),
            self.fleet.clone(),
            gate,
            Arc::clone(&self.clock),
            Arc::clone(&self.random),
            self.lacks.clone(),
        );
        self.membership.tasks.spawn(membership.run(self.membership.cancel.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn followers_go_on_until_the_listeners_have_ended() {
        let stages =
            Stages { listeners: Stage::default(), membership: Stage::default(), followers: Stage::default() };
        let (stop, following) = (stages.listeners.cancel.clone(), stages.followers.cancel.clone());
        let drained = stages.listeners.tasks.spawn(async move {
            stop.cancelled().await;
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            !following.is_cancelled()
        });
        let follower = stages.followers.cancel.clone();
        let followed = stages.followers.tasks.spawn(async move { follower.cancelled().await });
        stages.end().await;
        assert!(drained.await.unwrap());
        followed.await.unwrap();
    }
}
