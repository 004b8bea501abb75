//! The worker's role: read models in PostgreSQL, built from the log.

use std::sync::Arc;
use std::time::Duration;

use events::clock::uuid_v7;
use events::log::Log;
use projections::Projection;
use projections::directory::Gate;
use projections::lease::{Held, Holding, Leasing, Worker};
use projections::origin::{self, ReadModels};
use projections::postgres::text::Unseal;
use projections::postgres::{self, Pool};
use projections::runner::{self, Projector, ProjectorConfig, Reader};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Process, ServeError, connections};
use crate::config::{Config, ConfigError, NatsRole};
use crate::health;
use crate::snapshots;
use crate::store::{self, leases::FleetLeases};

/// How often the read models are measured, and compared with the log.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Takes this worker's share of the projections, keeps it, and tells whether the log is what the read models were
/// built from, and what the worker's share is. A database that is down is waited for.
pub(super) async fn start(process: &Process) -> Result<(watch::Receiver<ReadModels>, Held), ServeError> {
    let log = connections::log(&process.config, NatsRole::Worker, &process.clock, &process.random).await?;
    let sealing =
        connections::sealing(&process.config, log.client(), &process.clock, &process.random).await?;
    process.watch_stream(&log);
    let pool = pool(&process.config)?;
    let client = log.client().clone();
    let (log, sealing): (Arc<dyn Log>, Arc<dyn Unseal>) = (Arc::new(log), Arc::new(sealing));
    let read_models = watch_over(process, Arc::clone(&log), pool.clone());
    let held = share(process, client, read_models.clone());
    // One reads for all that stand near each other.
    let reader = Arc::new(Reader::new(Arc::clone(&log), Arc::clone(&process.signers)));
    for projection in Projection::ALL {
        let (log, unseal) = (Arc::clone(&log), Arc::clone(&sealing));
        let projector = Projector::new(projection, log, pool.clone(), unseal, ProjectorConfig::default());
        let projector = Arc::new(projector.with_reader(Arc::clone(&reader)));
        let work = move |until_lost| {
            let projector = Arc::clone(&projector);
            async move { projector.run(until_lost).await }
        };
        process.tasks.spawn(while_held(held.clone(), projection.as_str(), process.cancel.clone(), work));
    }
    Ok((read_models, held))
}

/// Shares the work with the other workers. Beside a newer version's tables it rests, and leaves the work to those who
/// can do it.
fn share(process: &Process, client: store::Client, mut read_models: watch::Receiver<ReadModels>) -> Held {
    let (tell, held) = Holding::new();
    let leases = Arc::new(FleetLeases::new(client));
    let (clock, random) = (Arc::clone(&process.clock), Arc::clone(&process.random));
    let (name, lease) = (process.config.fleet_name(), Duration::from_millis(process.config.fleet.lease_ms));
    let leasing = move || {
        let shared = Projection::ALL.map(Projection::as_str).into_iter().chain([snapshots::LEASE]).collect();
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
fn watch_over(process: &Process, log: Arc<dyn Log>, pool: Pool) -> watch::Receiver<ReadModels> {
    let (tell, read_models) = watch::channel(ReadModels::UNKNOWN);
    let measuring = runner::measure(Arc::clone(&log), pool.clone(), LOOK_EVERY);
    let looking = origin::keep_looking(log, pool, LOOK_EVERY, tell);
    let cancel = process.cancel.clone();
    process.tasks.spawn(async move {
        tokio::select! {
            biased;
            () = cancel.cancelled() => {}
            never = measuring => match never {},
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
    let url = config.postgres_url()?;
    let max = config.postgres.as_ref().map_or(10, |postgres| postgres.max_connections);
    postgres::connect(url.expose(), max).map_err(|_| {
        // The driver's own words may hold the URL, and with it the password.
        ServeError::Config(ConfigError::Value {
            key: "postgres.url".to_owned(),
            problem: "it is no PostgreSQL URL".to_owned(),
            accepted: "postgres://USER:PASSWORD@HOST/DATABASE",
        })
    })
}
