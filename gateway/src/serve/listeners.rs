//! The three listeners: public, admin, metrics.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use domain::dispatch::Dispatcher;
use metrics_exporter_prometheus::PrometheusHandle;
use projections::directory::Gate;
use projections::origin::BuiltFrom;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::{Authenticating, Process, ServeError, connections, listen, tls};
use crate::api::{self, ApiParts, ApiSettings, ApiState};
use crate::command::{CommandParts, Commands};
use crate::config::{Config, NatsRole};
use crate::fleet;
use crate::health::{self, Health};
use crate::public::{self, Listeners};
use crate::request::{Door, DoorParts, RequestSettings};
use crate::store::bucket::Bucket;
use crate::vault::{self, Peppers, VaultName};

/// `/livez`, `/readyz`, `/metrics`.
pub(super) async fn metrics(
    process: &Process,
    gate: Option<Arc<Gate>>,
    read_models: Option<watch::Receiver<BuiltFrom>>,
    metrics: PrometheusHandle,
) -> Result<SocketAddr, ServeError> {
    let (key, address) = ("listen.metrics", process.config.listen.metrics);
    let listener = listen(key, address).await?;
    let address = listener.local_addr().map_err(|source| ServeError::Listen { key, address, source })?;
    let upkeep = (metrics.clone(), process.cancel.clone());
    process.tasks.spawn(async move {
        let (metrics, cancel) = upkeep;
        let every = Duration::from_secs(5);
        while cancel.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
            metrics.run_upkeep();
        }
    });
    let router = health::router(Health { gate, read_models, ending: process.ending.clone(), metrics });
    process.tasks.spawn(api::serve(listener, None, router, process.cancel.clone()));
    Ok(address)
}

/// The admin API.
pub(super) async fn admin(process: &Process, parts: &Authenticating) -> Result<SocketAddr, ServeError> {
    let config = &process.config;
    let log = connections::log(config, NatsRole::Control, &process.clock, &process.random).await?;
    let control = connections::vault(config, VaultName::Control, log.client()).await?;
    let peppers = Peppers::load(&control).await?;
    let sealing = connections::sealing(config, log.client(), &process.clock, &process.random).await?;
    let node = connections::vault(config, VaultName::Node, log.client()).await?;
    // An installation that was bootstrapped before there were snapshots gets its key now.
    if let Err(error) =
        vault::snapshot::ensure(sealing.vault(), &node, &*process.clock, &*process.random).await
    {
        tracing::error!(%error, "snapshots can't be signed, or not be believed: nodes replay the log instead");
    }
    let prefix = config.key_prefix()?;
    process.watch_stream(&log);
    process.followers.tasks.spawn(fleet::follow::run(
        process.fleet.clone(),
        Bucket::of_fleet(log.client().clone()),
        Arc::clone(&process.clock),
        process.followers.cancel.clone(),
    ));
    let log = Arc::new(log);
    let dispatcher = Dispatcher::new(log.clone(), Arc::clone(&process.random))
        .with_readers(Arc::new(process.fleet.clone()));
    let state = ApiState::new(ApiParts {
        commands: Commands::new(CommandParts {
            dispatcher,
            sealing,
            clock: Arc::clone(&process.clock),
            random: Arc::clone(&process.random),
        }),
        log,
        directory: Arc::clone(&parts.directory),
        gate: Arc::clone(&parts.gate),
        peppers,
        reads: Some(super::worker::pool(config)?),
        clock: Arc::clone(&process.clock),
        random: Arc::clone(&process.random),
        fleet: process.fleet.clone(),
        ending: process.cancel.clone(),
        settings: ApiSettings::new(prefix),
    });
    let (key, address) = ("listen.admin", config.listen.admin);
    let listener = listen(key, address).await?;
    let address = listener.local_addr().map_err(|source| ServeError::Listen { key, address, source })?;
    let (router, cancel) = (api::router(state.clone()), process.cancel.clone());
    let tls = tls::server(config)?.map(TlsAcceptor::from);
    process.tasks.spawn(async move {
        api::serve(listener, tls, router, cancel).await;
        state.drain().await;
    });
    Ok(address)
}

/// `/mcp`, key verification, JWKS.
pub(super) fn public(process: &Process, parts: &Authenticating) -> Result<SocketAddr, ServeError> {
    let config = &process.config;
    let door = Door::new(DoorParts {
        directory: Arc::clone(&parts.directory),
        gate: Arc::clone(&parts.gate),
        secrets: Arc::clone(&parts.secrets),
        clock: Arc::clone(&process.clock),
        random: Arc::clone(&process.random),
        settings: request_settings(config),
    })?;
    let tls = tls::server(config)?;
    let listeners = Listeners::bind(config.listen.public, config.listen.threads)?;
    let address = listeners.address();
    let cancel = process.cancel.clone();
    process.tasks.spawn(async move {
        if let Err(error) = public::serve(door, listeners, tls, cancel.clone()).await {
            tracing::error!(%error, "the public listener ended: so does the process");
            cancel.cancel();
        }
    });
    Ok(address)
}

fn request_settings(config: &Config) -> RequestSettings {
    RequestSettings {
        allowed_origins: config.mcp.allowed_origins.clone(),
        upstream_allow: config.upstreams.allow.clone(),
        connect_timeout: Duration::from_millis(config.upstreams.connect_timeout_ms),
        response_timeout: Duration::from_millis(config.upstreams.response_timeout_ms),
        max_body_bytes: config.mcp.max_body_bytes,
        body_timeout: Duration::from_millis(config.mcp.body_timeout_ms),
        max_connections: config.listen.max_connections,
        threads: config.listen.threads,
        ..RequestSettings::new(config.public_url.clone())
    }
}
