//! The worker's role: read models in PostgreSQL, built from the log.

use std::sync::Arc;
use std::time::Duration;

use events::clock::uuid_v7;
use events::log::Log;
use projections::Projection;
use projections::directory::Gate;
use projections::forgotten;
use projections::lease::{Held, Holding, Leasing, Worker};
use projections::origin::{self, ReadModels};
use projections::postgres::text::Unseal;
use projections::postgres::{self, Pool};
use projections::runner::{Measured, Projector, ProjectorConfig, Reader};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::outlets::{self, Leases};
use super::{Process, ServeError, connections, secrets, upstreams};
use crate::config::{Config, ConfigError, NatsRole, Role};
use crate::health;
use crate::snapshots;
use crate::store::{self, leases::FleetLeases};
use crate::vault::WebhookSecrets;
use crate::webhooks::Sender;

/// How often the read models are measured, and compared with the log.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// With the read models' database, for webhooks.
const WEBHOOK_CONNECTIONS: u32 = 4;
/// With endpoints of webhooks, unused.
const KEPT_TO_ENDPOINTS: usize = 128;

/// Takes this worker's share of the projections, keeps it, and tells whether the log is what the read models were
/// built from, what the worker's share is, and how far all projections are. A database that is down is waited for.
pub(super) async fn start(
    process: &Process,
) -> Result<(watch::Receiver<ReadModels>, Held, Arc<Measured>), ServeError> {
    let log = connections::log_for(process, NatsRole::Worker, "read models").await?;
    let sealing =
        connections::sealing(&process.config, log.client(), &process.clock, &process.random).await?;
    // Control looks at it as well.
    if !process.config.has(Role::Control) {
        secrets::watch_keys(process, sealing.vault().clone());
    }
    process.watch_stream(&log);
    let pool = followed_pool(process)?;
    process.measure_nats(NatsRole::Worker.as_str(), log.client().clone());
    process.measure_pool("worker", pool.clone());
    let client = log.client().clone();
    let secrets = WebhookSecrets::new(sealing.vault().clone());
    let (log, sealing): (Arc<dyn Log>, Arc<dyn Unseal>) = (Arc::new(log), Arc::new(sealing));
    let measured = Arc::new(Measured::new(Arc::clone(&process.clock)));
    let read_models = watch_over(process, Arc::clone(&log), pool.clone(), Arc::clone(&measured));
    let known = read_models.clone();
    process.lacks.add(move || health::lacks(&known.borrow()));
    let leases = Leases::of(&process.config);
    let held = share(process, client, &leases, read_models.clone());
    outlets::start(process, &leases, pool.clone(), Arc::clone(&sealing), &held).await?;
    send_webhooks(process, secrets, read_models.clone())?;
    // One reads for all that stand near each other.
    let reader = Arc::new(Reader::new(Arc::clone(&log), Arc::clone(&process.signers)));
    let mut kept = Vec::new();
    for projection in Projection::ALL {
        let (log, unseal) = (Arc::clone(&log), Arc::clone(&sealing));
        let projector = Projector::new(projection, log, pool.clone(), unseal, ProjectorConfig::default());
        let projector = Arc::new(projector.with_reader(Arc::clone(&reader)));
        kept.push((projection, projector.state()));
        let work = move |until_lost| {
            let projector = Arc::clone(&projector);
            async move { projector.run(until_lost).await }
        };
        process.tasks.spawn(while_held(held.clone(), projection.as_str(), process.cancel.clone(), work));
    }
    process.watch_projectors(kept);
    Ok((read_models, held, measured))
}

/// Shares the work with the other workers. Beside a newer version's tables it rests, and leaves the work to those who
/// can do it.
fn share(
    process: &Process,
    client: store::Client,
    outlets: &Leases,
    mut read_models: watch::Receiver<ReadModels>,
) -> Held {
    let (tell, held) = Holding::new();
    let leases = Arc::new(FleetLeases::new(client));
    let (clock, random) = (Arc::clone(&process.clock), Arc::clone(&process.random));
    let (name, lease) = (process.config.fleet_name(), Duration::from_millis(process.config.fleet.lease_ms));
    let own = Projection::ALL.map(Projection::as_str).into_iter().chain([snapshots::LEASE]);
    let shared: Vec<&'static str> = own.chain(outlets.names()).collect();
    let leasing = move || {
        let shared = shared.clone();
        let worker = Worker { id: uuid_v7(&*clock, &*random), name: name.clone(), lease, shared };
        Leasing::new(Arc::clone(&leases) as _, Arc::clone(&clock), worker, tell.clone())
    };
    let cancel = process.cancel.clone();
    process.tasks.spawn(async move {
        let can_work = |read_models: &ReadModels| read_models.newer.is_none();
        while until(&mut read_models, &cancel, can_work).await {
            let rest = cancel.child_token();
            tokio::join!(leasing().run(rest.clone()), async {
                until(&mut read_models, &rest, |now| !can_work(now)).await;
                rest.cancel();
            });
        }
    });
    held
}

/// Each worker sends: which of them sends what is settled in the database.
fn send_webhooks(
    process: &Process,
    secrets: WebhookSecrets,
    read_models: watch::Receiver<ReadModels>,
) -> Result<(), ServeError> {
    // Its own connections, so that no projection waits for them.
    let pool = pool_of(&process.config, WEBHOOK_CONNECTIONS)?;
    process.measure_pool("webhooks", pool.clone());
    secrets::follow_postgres(process, pool.clone());
    let sender = Sender {
        pool,
        upstream: upstreams::client_that_keeps(process, KEPT_TO_ENDPOINTS)?,
        secrets,
        settings: process.config.webhooks.clone(),
        clock: Arc::clone(&process.clock),
        random: Arc::clone(&process.random),
    };
    process.tasks.spawn(sender.run(read_models, process.cancel.clone()));
    Ok(())
}

/// Waits until it is so. False: it was cancelled, or nobody looks any more.
async fn until(
    read_models: &mut watch::Receiver<ReadModels>,
    cancel: &CancellationToken,
    is_so: impl Fn(&ReadModels) -> bool,
) -> bool {
    let waited = cancel.run_until_cancelled(read_models.wait_for(is_so)).await;
    waited.is_some_and(|found| found.is_ok())
}

/// Does a work whenever this worker holds its lease, until the lease is lost.
pub(super) async fn while_held<Work: Future<Output = ()>>(
    mut held: Held,
    name: &'static str,
    cancel: CancellationToken,
    work: impl Fn(CancellationToken) -> Work,
) {
    while cancel.run_until_cancelled(held.taken(name)).await.is_some() {
        let until_lost = cancel.child_token();
        tokio::join!(work(until_lost.clone()), async {
            until_lost.run_until_cancelled(held.lost(name)).await;
            until_lost.cancel();
        });
    }
}

/// What each worker does, whoever keeps the projections.
fn watch_over(
    process: &Process,
    log: Arc<dyn Log>,
    pool: Pool,
    measured: Arc<Measured>,
) -> watch::Receiver<ReadModels> {
    let (tell, read_models) = watch::channel(ReadModels::UNKNOWN);
    let (measured_log, measured_pool) = (Arc::clone(&log), pool.clone());
    let vacuuming = forgotten::keep_vacuuming(pool.clone(), Arc::clone(&process.clock), LOOK_EVERY);
    let looking = origin::keep_looking(log, pool, LOOK_EVERY, tell);
    let cancel = process.cancel.clone();
    process.tasks.spawn(async move {
        tokio::select! {
            biased;
            () = cancel.cancelled() => {}
            never = measured.keep(measured_log, measured_pool, LOOK_EVERY) => match never {},
            never = vacuuming => match never {},
            never = looking => match never {},
        }
    });
    read_models
}

/// While the read models know of events that the log has lost, the gate is held: a revocation may be among them.
pub(super) fn hold_gate(process: &Process, gate: Arc<Gate>, mut known: watch::Receiver<ReadModels>) {
    let cancel = process.cancel.clone();
    gate.hold(health::why_held(&known.borrow().built_from));
    process.tasks.spawn(async move {
        loop {
            gate.hold(health::why_held(&known.borrow_and_update().built_from));
            match cancel.run_until_cancelled(known.changed()).await {
                Some(Ok(())) => {}
                Some(Err(_)) | None => return,
            }
        }
    });
}

/// Connections to the read models' database; none is made yet.
pub fn pool(config: &Config) -> Result<postgres::Pool, ServeError> {
    pool_of(config, config.postgres.as_ref().map_or(10, |postgres| postgres.max_connections))
}

/// The same for a process that runs, which follows `postgres.url_file`.
pub(super) fn followed_pool(process: &Process) -> Result<postgres::Pool, ServeError> {
    let pool = pool(&process.config)?;
    secrets::follow_postgres(process, pool.clone());
    Ok(pool)
}

pub(super) fn pool_of(config: &Config, max: u32) -> Result<postgres::Pool, ServeError> {
    let url = config.postgres_url()?;
    postgres::connect(url.expose(), max).map_err(|_| {
        // The driver's own words may hold the URL, and with it the password.
        ServeError::Config(ConfigError::Value {
            key: "postgres.url".to_owned(),
            problem: "it is no PostgreSQL URL".to_owned(),
            accepted: "postgres://USER:PASSWORD@HOST/DATABASE",
        })
    })
}
