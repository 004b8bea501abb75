//! The worker's role: read models in PostgreSQL, built from the log.

use std::sync::Arc;

use async_trait::async_trait;
use events::SealedText;
use events::sealed::SealedField;
use projections::postgres;
use projections::postgres::text::{Unseal, UnsealError};
use projections::runner::{Projector, ProjectorConfig};

use super::{Process, ServeError, connections};
use crate::config::{Config, ConfigError, NatsRole};
use crate::vault::{SealingKeys, VaultError};

/// Opens texts for the read models.
struct Texts(SealingKeys);

#[async_trait]
impl Unseal for Texts {
    async fn open(&self, field: &SealedField, text: &SealedText) -> Result<Option<String>, UnsealError> {
        match self.0.open(field, text).await {
            Ok(text) => Ok(text.map(|text| text.to_string())),
            Err(VaultError::Unavailable { .. }) => Err(UnsealError::Unavailable("people".to_owned())),
            Err(
                error @ (VaultError::Sealed { .. }
                | VaultError::Missing { .. }
                | VaultError::Disagree { .. }
                | VaultError::TextTooLong),
            ) => Err(UnsealError::Damaged(error.to_string())),
        }
    }
}

/// Starts the projector. A database that is down is waited for.
pub(super) async fn start(process: &Process) -> Result<(), ServeError> {
    let log = connections::log(&process.config, NatsRole::Worker, &process.clock, &process.random).await?;
    let sealing =
        connections::sealing(&process.config, log.client(), &process.clock, &process.random).await?;
    let pool = pool(&process.config)?;
    let projector = Projector::new(Arc::new(log), pool, Arc::new(Texts(sealing)), ProjectorConfig::default());
    let cancel = process.cancel.clone();
    process.tasks.spawn(async move { projector.run(cancel).await });
    Ok(())
}

/// Connections to the read models' database; none is made yet.
pub(super) fn pool(config: &Config) -> Result<postgres::Pool, ServeError> {
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
