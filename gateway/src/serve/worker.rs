//! The worker's role: read models in PostgreSQL, built from the log.

use std::sync::Arc;

use projections::postgres;
use projections::runner::{Projector, ProjectorConfig, ProjectorState};
use tokio::sync::watch;

use super::{Process, ServeError, connections};
use crate::config::{Config, ConfigError, NatsRole};

/// Starts the projector and gives how it fares. A database that is down is waited for.
pub(super) async fn start(process: &Process) -> Result<watch::Receiver<ProjectorState>, ServeError> {
    let log = connections::log(&process.config, NatsRole::Worker, &process.clock, &process.random).await?;
    let sealing =
        connections::sealing(&process.config, log.client(), &process.clock, &process.random).await?;
    let pool = pool(&process.config)?;
    let projector = Projector::new(Arc::new(log), pool, Arc::new(sealing), ProjectorConfig::default());
    let (state, cancel) = (projector.state(), process.cancel.clone());
    process.tasks.spawn(async move { projector.run(cancel).await });
    Ok(state)
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
