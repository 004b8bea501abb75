//! The worker's role: read models in PostgreSQL, built from the log.

use std::sync::Arc;
use std::time::Duration;

use events::log::Log;
use projections::Projection;
use projections::directory::Gate;
use projections::origin::{self, Origin};
use projections::postgres::text::Unseal;
use projections::postgres::{self, Pool};
use projections::runner::{self, Projector, ProjectorConfig};
use tokio::sync::watch;

use super::{Process, ServeError, connections};
use crate::config::{Config, ConfigError, NatsRole};
use crate::health;

/// How often the read models are measured, and compared with the log.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Starts the projectors and tells whether the log is what the read models were built from. A database that is
/// down is waited for.
pub(super) async fn start(process: &Process) -> Result<watch::Receiver<Origin>, ServeError> {
    let log = connections::log(&process.config, NatsRole::Worker, &process.clock, &process.random).await?;
    let sealing =
        connections::sealing(&process.config, log.client(), &process.clock, &process.random).await?;
    process.watch_stream(&log);
    let pool = pool(&process.config)?;
    let (log, sealing): (Arc<dyn Log>, Arc<dyn Unseal>) = (Arc::new(log), Arc::new(sealing));
    for projection in Projection::ALL {
        let (log, unseal) = (Arc::clone(&log), Arc::clone(&sealing));
        let projector = Projector::new(projection, log, pool.clone(), unseal, ProjectorConfig::default());
        let cancel = process.cancel.clone();
        process.tasks.spawn(async move { projector.run(cancel).await });
    }
    Ok(watch_over(process, log, pool))
}

/// What each worker does, whoever keeps the projections.
fn watch_over(process: &Process, log: Arc<dyn Log>, pool: Pool) -> watch::Receiver<Origin> {
    let (tell, origin) = watch::channel(Origin::Unknown);
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
    origin
}

/// While the read models know of events that the log has lost, the gate is held: a revocation may be among them.
pub(super) fn hold_gate(process: &Process, gate: Arc<Gate>, mut origin: watch::Receiver<Origin>) {
    let cancel = process.cancel.clone();
    gate.hold(health::why_held(&origin.borrow()));
    process.tasks.spawn(async move {
        loop {
            gate.hold(health::why_held(&origin.borrow_and_update()));
            match cancel.run_until_cancelled(origin.changed()).await {
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
