//! How upstreams are called: by a node for its callers, by control to try them.

use std::sync::Arc;
use std::time::Duration;

use events::clock::Clock;

use super::ServeError;
use crate::config::{Config, ConfigError, Upstreams};
use crate::public::PublicError;
use crate::upstream::{Guard, HyperUpstream, Resolver, Trust, UpstreamConfig};

pub(super) fn config(config: &Config) -> Result<UpstreamConfig, ServeError> {
    let Upstreams { allow, allow_http, ca_file, connect_timeout_ms, .. } = &config.upstreams;
    let mut trust = Trust::public();
    if let Some(path) = ca_file {
        trust = trust.with_file(path).map_err(|error| ConfigError::Value {
            key: "upstreams.ca_file".to_owned(),
            problem: format!("{}: {error}", path.display()),
            accepted: "a file of PEM certificates",
        })?;
    }
    Ok(UpstreamConfig {
        guard: Arc::new(Guard::new(allow.clone(), allow_http.clone())),
        trust,
        connect_timeout: Duration::from_millis(*connect_timeout_ms),
        ..UpstreamConfig::default()
    })
}

/// Control's own, which tries a server and keeps no connection to it.
pub(super) fn client(settings: &Config, clock: Arc<dyn Clock>) -> Result<HyperUpstream, ServeError> {
    let resolver = Resolver::new().map_err(|error| ServeError::Public(PublicError::Thread(error)))?;
    let config = UpstreamConfig { max_idle: 0, ..config(settings)? };
    Ok(HyperUpstream::new(config, Arc::new(resolver), clock))
}
