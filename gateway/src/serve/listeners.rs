//! The listeners: public, admin, metrics; `accounts` has a file of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use domain::dispatch::Dispatcher;
use events::Shard;
use events::lasting::{Lasting, Words};
use metrics_exporter_prometheus::PrometheusHandle;
use projections::directory::{Directory, Gate};
use projections::origin::ReadModels;
use projections::postgres::Pool;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

use super::{Authenticating, Process, ServeError, apart, connections, secrets, upstreams};
use crate::access;
use crate::api::{self, AccessLog, ApiParts, ApiSettings, ApiState, Trials};
use crate::attempts;
use crate::checkpoints::{Keeper, KeeperParts, LogKeys, Witnesses};
use crate::command::{Allowance, CommandParts, Commands, Followed, keep_forgetting};
use crate::config::{self, Config, ConfigError, NatsRole, Registration, Switch};
use crate::fleet;
use crate::health::{self, Health};
use crate::issuers::{SignIn, SignInParts};
use crate::listener::{self, Bounds, Handed, Listener, Room, Sockets, Tls, TlsError, TlsKeeper};
use crate::oauth::presets::Presets;
use crate::passing::Passing;
use crate::public;
use crate::request::resource::Address;
use crate::request::{Door, DoorParts, RequestSettings};
use crate::signers::{self, Retiring};
use crate::store;
use crate::store::access::AccessRecords;
use crate::store::attempts::{AttemptSteps, Side};
use crate::store::bucket::Bucket;
use crate::store::checkpoints::Checkpoints;
use crate::telemetry::calls::{Calls, Writer};
use crate::telemetry::lines;
use crate::token_keys::TokenKeys;
use crate::vault::{
    self, IssuerCredentials, PassingKeys, Peppers, SealingKeys, Vault, VaultName, VaultWriter, WebhookSecrets,
};

/// What ends TLS, and what keeps it up to date.
pub(super) fn tls(config: &Config) -> Result<Option<(Tls, TlsKeeper)>, TlsError> {
    match &config.tls {
        None | Some(config::Tls::Word(_)) => Ok(None),
        Some(config::Tls::Files(files)) => Tls::read(files).map(Some),
    }
}

/// `/livez`, `/readyz`, `/metrics`.
pub(super) async fn metrics(
    process: &Process,
    gate: Option<Arc<Gate>>,
    read_models: Option<watch::Receiver<ReadModels>>,
    metrics: PrometheusHandle,
) -> Result<SocketAddr, ServeError> {
    let (socket, address) = listen("listen.metrics", process.config.listen.metrics)?;
    let upkeep = (metrics.clone(), process.cancel.clone());
    process.tasks.spawn(async move {
        let (metrics, cancel) = upkeep;
        let every = Duration::from_secs(5);
        while cancel.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
            metrics.run_upkeep();
        }
    });
    let router = health::router(Health {
        gate,
        read_models,
        ending: process.ending.clone(),
        lacks: process.lacks.clone(),
        at_scrape: process.at_scrape.clone(),
        metrics,
    });
    let room = room(process, "metrics", process.places.metrics);
    let listener = Listener { serve: router, room, tls: None, cancel: process.cancel.clone() };
    apart::run("metrics", listener, socket, &process.tasks).map_err(ServeError::Thread)?;
    Ok(address)
}

/// What of control others rest on.
pub(super) struct Control {
    pub(super) attempts: attempts::Recorder,
    pub(super) vault: Vault,
    pub(super) peppers: Peppers,
    pub(super) commands: Commands,
    pub(super) token_keys: TokenKeys,
    pub(super) sign_in: SignIn,
    pub(super) passing: Passing,
    pub(super) presets: Arc<Presets>,
    /// The read models, for names beside ids.
    pub(super) reads: Pool,
}

/// The admin API.
pub(super) async fn admin(
    process: &Process,
    parts: &Authenticating,
) -> Result<(SocketAddr, Control), ServeError> {
    let config = &process.config;
    let log = connections::log_for(process, NatsRole::Control, "commands").await?;
    let control = connections::vault(config, VaultName::Control, log.client()).await?;
    let peppers = Peppers::load(&control, process.clock.now()).await?;
    let sealing = connections::sealing(config, log.client(), &process.clock, &process.random).await?;
    let node = connections::vault(config, VaultName::Node, log.client()).await?;
    // An installation that was bootstrapped before there were snapshots gets its key now.
    if let Err(error) =
        vault::snapshot::ensure(sealing.vault(), &node, &*process.clock, &*process.random).await
    {
        tracing::error!(%error, "snapshots can't be signed, or not be believed: nodes replay the log instead");
    }
    let prefix = config.key_prefix()?;
    process.measure_nats(NatsRole::Control.as_str(), log.client().clone());
    secrets::watch_keys(process, control.clone());
    secrets::watch_keys(process, sealing.vault().clone());
    secrets::follow_control(process, control.clone(), peppers.clone());
    process.watch_stream(&log);
    let members = Bucket::of_fleet(log.client().clone());
    process.followers.tasks.spawn(fleet::follow::run(
        process.fleet.clone(),
        members.clone(),
        Arc::clone(&process.clock),
        process.followers.cancel.clone(),
    ));
    process.followers.tasks.spawn(keep_forgetting(
        Arc::clone(&parts.directory),
        sealing.clone(),
        process.followers.cancel.clone(),
    ));
    let log = Arc::new(log);
    let known = Arc::clone(&process.signers);
    let writer = Arc::new(VaultWriter::new(control.clone(), log.clone(), Arc::clone(&known)));
    // One that ended right after its first event has not told its nodes.
    if known.catch_up(&*log).await.is_ok()
        && let Some(first) = known.now().first()
    {
        vault::signer::ensure_first(&node, first, &*process.random).await?;
    }
    let followed =
        Arc::new(Followed { directory: Arc::clone(&parts.directory), gate: Arc::clone(&parts.gate) });
    let dispatcher = Dispatcher::new(log.clone(), writer, Arc::clone(&process.random))
        .with_signers(known)
        .with_readers(Arc::new(process.fleet.clone()))
        .with_active(followed.clone())
        .with_owning(followed);
    let keeper = Arc::new(Keeper::new(KeeperParts {
        log: log.clone(),
        stream: Checkpoints::new(log.client().clone(), Shard::ZERO),
        keys: Arc::new(LogKeys { control: control.clone(), signers: parts.directory.signers() }),
        vaults: vec![node.clone(), sealing.vault().clone()],
        clock: Arc::clone(&process.clock),
        random: Arc::clone(&process.random),
    }));
    let (signing, cancel) = (Arc::clone(&keeper), process.followers.cancel.clone());
    process.followers.tasks.spawn(async move { signing.run(cancel).await });
    let stream = Checkpoints::new(log.client().clone(), Shard::ZERO);
    let witnesses = &config.checkpoints.witnesses;
    let asking = Witnesses::new(Arc::clone(&keeper), stream, Arc::clone(&process.clock), witnesses);
    process.tasks.spawn(asking.run(process.cancel.clone()));
    let access = access(process, log.client(), &sealing);
    let attempts = super::attempts::recorder(process, log.client().clone(), Side::Control);
    let reader = attempts::Reader { steps: AttemptSteps::new(log.client().clone()) };
    let webhooks = WebhookSecrets::new(sealing.vault().clone());
    let commands = Commands::new(CommandParts {
        dispatcher,
        allowance: Some(Allowance::new(Arc::clone(&parts.directory), config.organizations)),
        sealing,
        clock: Arc::clone(&process.clock),
        random: Arc::clone(&process.random),
    });
    let retiring = Retiring {
        commands: commands.clone(),
        directory: Arc::clone(&parts.directory),
        control: control.clone(),
        clock: Arc::clone(&process.clock),
        overlap: signers::OVERLAP,
    };
    process.tasks.spawn(retiring.run(process.cancel.clone()));
    let token_keys = TokenKeys::new(
        commands.clone(),
        Arc::clone(&parts.directory),
        control.clone(),
        Arc::clone(&process.clock),
        Arc::clone(&process.random),
    );
    process.tasks.spawn(token_keys.clone().run(process.cancel.clone()));
    let reads = super::worker::followed_pool(process)?;
    process.measure_pool("api", reads.clone());
    let issuer_credentials = IssuerCredentials::new(control.clone());
    let sign_in = sign_in(process, Arc::clone(&parts.directory), issuer_credentials.clone())?;
    process.tasks.spawn(sign_in.clone().keep(process.cancel.clone()));
    let keys = PassingKeys::load_or_draw(&control, &*process.clock, &*process.random).await?;
    secrets::follow_passing(process, control.clone(), keys.clone());
    let bucket = store::passing::bucket(log.client().clone());
    let passing = Passing::new(bucket, keys, Arc::clone(&process.random));
    let presets = Arc::new(presets(config)?);
    let others = Control {
        attempts,
        vault: control.clone(),
        peppers: peppers.clone(),
        commands: commands.clone(),
        token_keys: token_keys.clone(),
        sign_in: sign_in.clone(),
        passing: passing.clone(),
        presets: Arc::clone(&presets),
        reads: reads.clone(),
    };
    let state = ApiState::new(ApiParts {
        commands,
        log,
        directory: Arc::clone(&parts.directory),
        gate: Arc::clone(&parts.gate),
        peppers,
        control,
        webhooks,
        issuer_credentials,
        sign_in,
        passing: Some(passing),
        presets,
        reads: Some(reads),
        clock: Arc::clone(&process.clock),
        random: Arc::clone(&process.random),
        fleet: process.fleet.clone(),
        members: Some(members.clone()),
        checkpoints: Some(keeper),
        access: Some(access),
        attempts: Some(reader),
        trials: Trials::new(upstreams::client(process)?),
        ending: process.cancel.clone(),
        settings: ApiSettings {
            max_webhooks: config.webhooks.max,
            accounts_url: config.accounts_url().origin().ascii_serialization(),
            max_issuers: config.issuers.max,
            registers: config.oauth.registration != Registration::Off,
            ..ApiSettings::new(prefix, &config.public_url)
        },
    });
    let reading = state.clone();
    process.at_scrape.add(move || {
        let waiting = u32::try_from(reading.reads_waiting()).unwrap_or(u32::MAX);
        metrics::gauge!("keyledger_postgres_pool_waiting", "pool" => "api").set(waiting);
    });
    let (socket, address) = listen("listen.admin", config.listen.admin)?;
    let room = room(process, "admin", process.places.admin);
    let serve = api::router(state.clone());
    let listener = Listener { serve, room, tls: process.tls.clone(), cancel: process.cancel.clone() };
    process.tasks.spawn(async move {
        listener.run(socket).await;
        state.drain().await;
    });
    Ok((address, others))
}

fn presets(config: &Config) -> Result<Presets, ConfigError> {
    Presets::new(&config.oauth.redirects).map_err(|fault| ConfigError::Value {
        key: "oauth.redirects".to_owned(),
        problem: fault.to_string(),
        accepted: "addresses that a client may register, such as https://HOST/PATH, or https://HOST/PATH/* for any last \
                   segment",
    })
}

/// How people sign in at issuers.
fn sign_in(
    process: &Process,
    directory: Arc<Directory>,
    credentials: IssuerCredentials,
) -> Result<SignIn, ServeError> {
    let mut redirect = process.config.accounts_url().clone();
    redirect.set_path("/sign-in/callback");
    Ok(SignIn::new(SignInParts {
        directory,
        credentials,
        upstream: upstreams::to_issuers(process)?,
        redirect,
        clock: Arc::clone(&process.clock),
        random: Arc::clone(&process.random),
    }))
}

/// Where it is told what is read and tried. What was told is stored until after the listeners have ended.
fn access(process: &Process, client: &store::Client, sealing: &SealingKeys) -> AccessLog {
    let (recorder, queue) = access::Recorder::new(Arc::clone(&process.clock));
    let records = AccessRecords::new(client.clone());
    let words =
        Words { lasts: "records of access are not stored", ends: "records of access are stored again" };
    let writer = access::Writer {
        unstored: Lasting::new(Arc::clone(&process.clock), words),
        recorder: recorder.clone(),
        queue,
        records: records.clone(),
        sealing: sealing.clone(),
        clock: Arc::clone(&process.clock),
        random: Arc::clone(&process.random),
    };
    process.followers.tasks.spawn(writer.run(process.followers.cancel.clone()));
    AccessLog { recorder, reader: access::Reader { records, sealing: sealing.clone() } }
}

/// `/mcp`, key verification, JWKS; and accounts, where they are served by this process.
pub(super) fn public(
    process: &Process,
    parts: &Authenticating,
    accounts: Option<Handed>,
) -> Result<SocketAddr, ServeError> {
    let config = &process.config;
    let door = Door::new(DoorParts {
        directory: Arc::clone(&parts.directory),
        gate: Arc::clone(&parts.gate),
        secrets: Arc::clone(&parts.secrets),
        clock: Arc::clone(&process.clock),
        random: Arc::clone(&process.random),
        settings: request_settings(process),
        attempts: Some(super::attempts::recorder(process, parts.client.clone(), Side::Node)),
    })?;
    secrets::follow_node(process, parts.vault.clone(), Arc::clone(&door), &parts.secrets);
    let tls = process.tls.clone();
    let (key, address) = ("listen.public", config.listen.public);
    let sockets = Sockets::bind(address, config.listen.threads).map_err(|source| ServeError::Listen {
        key,
        address,
        source,
    })?;
    let address = sockets.address();
    let room = room(process, "public", process.places.public);
    tell_calls(process, Arc::clone(door.calls()), parts)?;
    let cancel = process.cancel.clone();
    process.tasks.spawn(async move {
        if let Err(error) = public::serve(door, accounts, sockets, room, tls, cancel.clone()).await {
            tracing::error!(%error, "the public listener ended: so does the process");
            cancel.cancel();
        }
    });
    Ok(address)
}

/// Writes of the access log that may wait, each of all lines of 25 ms.
const CALLS_ROOM: usize = 64;

/// Tells what became of the calls, on a thread of its own.
fn tell_calls(process: &Process, calls: Arc<Calls>, parts: &Authenticating) -> Result<(), ServeError> {
    let logging = &process.config.log;
    let (out, writing) = lines::written_to(std::io::stderr(), CALLS_ROOM);
    let writer = Writer::new(calls, (logging.access == Switch::On).then_some(logging.format), out)
        .with_servers_of(Arc::clone(&parts.directory), Arc::clone(&parts.gate));
    let (running, end) = std::sync::mpsc::sync_channel(0);
    let (told, all_told) = oneshot::channel();
    let thread = std::thread::Builder::new().name("calls".to_owned()).spawn(move || {
        writer.run(&end);
        drop(writing);
        let _ = told.send(());
    });
    thread.map_err(ServeError::Thread)?;
    // The listeners have ended by then: there are no more calls.
    let cancel = process.followers.cancel.clone();
    process.followers.tasks.spawn(async move {
        cancel.cancelled().await;
        drop(running);
        // A reader of standard error that reads no more holds up no end.
        let _ = tokio::time::timeout(Duration::from_secs(1), all_told).await;
    });
    Ok(())
}

pub(super) fn listen(
    key: &'static str,
    address: SocketAddr,
) -> Result<(TcpListener, SocketAddr), ServeError> {
    let listening = || {
        let socket = listener::bind(address)?;
        let address = socket.local_addr()?;
        Ok((socket, address))
    };
    listening().map_err(|source| ServeError::Listen { key, address, source })
}

pub(super) fn room(process: &Process, name: &'static str, places: usize) -> Arc<Room> {
    let bounds = Bounds { idle: process.config.listen.idle_timeout(), ..Bounds::default() };
    Room::new(name, places, bounds, Arc::clone(&process.clock))
}

fn request_settings(process: &Process) -> RequestSettings {
    let config = &process.config;
    let default = config.mcp.default_server();
    RequestSettings {
        default_server: default.map(|(organization, server)| Address { organization, server }),
        allowed_origins: config.mcp.allowed_origins.clone(),
        upstream: upstreams::config(process, process.places.kept_by_each),
        user_agent: config.upstreams.user_agent,
        response_timeout: Duration::from_millis(config.upstreams.response_timeout_ms),
        body_idle_timeout: Duration::from_millis(config.upstreams.idle_timeout_ms),
        max_body_bytes: config.mcp.max_body_bytes,
        body_timeout: Duration::from_millis(config.mcp.body_timeout_ms),
        ..RequestSettings::new(config.public_url.clone())
    }
}
