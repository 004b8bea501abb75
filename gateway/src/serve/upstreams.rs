//! How upstreams are called: by a node for its callers, by control to try them.

use std::sync::Arc;
use std::time::Duration;

use super::{Process, ServeError};
use crate::config::{Config, ConfigError, Upstreams};
use crate::public::PublicError;
use crate::upstream::{Guard, HyperUpstream, Resolver, TrustKeeper, TrustNow, UpstreamConfig};

/// Whose word on upstreams' certificates is taken, where a server has no authorities of its own.
pub(super) fn trust(config: &Config) -> Result<(TrustNow, Option<TrustKeeper>), ConfigError> {
    let Some(path) = &config.upstreams.ca_file else { return Ok((TrustNow::public(), None)) };
    let read = TrustNow::with_file(path.clone()).map_err(|error| ConfigError::Value {
        key: "upstreams.ca_file".to_owned(),
        problem: format!("{}: {error}", path.display()),
        accepted: "a file of PEM certificates",
    });
    read.map(|(trust, keeper)| (trust, Some(keeper)))
}

/// `max_idle`: connections that each runtime may keep for another call.
pub(super) fn config(process: &Process, max_idle: usize) -> UpstreamConfig {
    let Upstreams { allow, allow_http, connect_timeout_ms, .. } = &process.config.upstreams;
    UpstreamConfig {
        guard: Arc::new(Guard::new(allow.clone(), allow_http.clone())),
        trust: process.trust.clone(),
        max_idle,
        connect_timeout: Duration::from_millis(*connect_timeout_ms),
        ..UpstreamConfig::default()
    }
}

/// Control's own, which tries a server and keeps no connection to it.
pub(super) fn client(process: &Process) -> Result<HyperUpstream, ServeError> {
    client_that_keeps(process, 0)
}

/// Control's own, by which it asks issuers, whose guard is theirs; it keeps no connection to them.
pub(super) fn to_issuers(process: &Process) -> Result<HyperUpstream, ServeError> {
    let guard = Arc::new(Guard::new(process.config.issuers.allow.clone(), Vec::new()));
    let resolver = Resolver::new().map_err(|error| ServeError::Public(PublicError::Thread(error)))?;
    let config = UpstreamConfig { guard, ..config(process, 0) };
    Ok(HyperUpstream::new(config, Arc::new(resolver), Arc::clone(&process.clock)))
}

/// A worker's, for webhooks: `max_idle` connections are kept for the next message.
pub(super) fn client_that_keeps(process: &Process, max_idle: usize) -> Result<HyperUpstream, ServeError> {
    let resolver = Resolver::new().map_err(|error| ServeError::Public(PublicError::Thread(error)))?;
    Ok(HyperUpstream::new(config(process, max_idle), Arc::new(resolver), Arc::clone(&process.clock)))
}
