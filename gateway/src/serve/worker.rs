//! The worker's role: read models in PostgreSQL, built from the log.

use std::sync::Arc;

use projections::directory::Gate;
use projections::postgres;
use projections::runner::{Projector, ProjectorConfig, ProjectorState};
use tokio::sync::watch;

use super::{Process, ServeError, connections};
use crate::config::{Config, ConfigError, NatsRole};
use crate::health;

/// Starts the projector and gives how it fares. A database that is down is waited for.
pub(super) async fn start(process: &Process) -> Result<watch::Receiver<ProjectorState>, ServeError> {
    let log = connections::log(&process.config, NatsRole::Worker, &process.clock, &process.random).await?;
    let sealing =
        connections::sealing(&process.config, log.client(), &process.clock, &process.random).await?;
    process.watch_stream(&log);
    let pool = pool(&process.config)?;
    let projector = Projector::new(Arc::new(log), pool, Arc::new(sealing), ProjectorConfig::default());
    let (state, cancel) = (projector.state(), process.cancel.clone());
    process.tasks.spawn(async move { projector.run(cancel).await });
    Ok(state)
}

/// A log that was restored from a backup has lost what came after it, revocations among it, and a directory that
/// starts anew can't know. The read models can: while they know of events that the log has lost, the gate is
/// held. That PostgreSQL is down holds nothing.
pub(super) fn hold_gate(process: &Process, gate: Arc<Gate>, mut state: watch::Receiver<ProjectorState>) {
    let cancel = process.cancel.clone();
    gate.hold(Some("the read models have not been compared with the log yet".to_owned()));
    process.tasks.spawn(async move {
        let mut diverged = false;
        loop {
            match &*state.borrow_and_update() {
                ProjectorState::Diverged(reason) => {
                    diverged = true;
                    gate.hold(Some(health::built_from_another(reason)));
                }
                ProjectorState::Following => {
                    diverged = false;
                    gate.hold(None);
                }
                ProjectorState::Waiting(_) if !diverged => gate.hold(None),
                ProjectorState::Waiting(_) | ProjectorState::Starting => {}
            }
            match cancel.run_until_cancelled(state.changed()).await {
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
