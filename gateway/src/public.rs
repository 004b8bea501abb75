//! The public listener: `/mcp`, key verification, the JWK set. Bare hyper on one current-thread runtime a
//! core, each with a listener of its own (SO_REUSEPORT) and its own connections to upstreams, so that no
//! request changes threads.
//!
//! It promises: bounds and time-outs on connections, headers and handshakes; every answer in JSON; no answer
//! that tells more than the request's key may know. It leaves every decision on a request to `request`.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ServerConfig;
use tokio_util::sync::CancellationToken;

mod connection;
mod listener;
mod route;
#[cfg(test)]
mod tests;
mod worker;

pub use listener::Listeners;
pub use route::answer;

use crate::request::Door;

/// Why the listener does not run.
#[derive(Debug, thiserror::Error)]
pub enum PublicError {
    #[error("can't listen on {address}: {source}")]
    Bind { address: SocketAddr, source: std::io::Error },
    #[error("a thread of the public listener could not be started: {0}")]
    Thread(std::io::Error),
    #[error("a thread of the public listener ended by itself")]
    Ended,
}

/// Serves until cancelled, and then until what is open has ended, bounded by `drain_timeout`.
///
/// `tls`: `None` on loopback, or behind a proxy that terminates TLS.
pub async fn serve(
    door: Arc<Door>,
    listeners: Listeners,
    tls: Option<Arc<ServerConfig>>,
    cancel: CancellationToken,
) -> Result<(), PublicError> {
    worker::run(door, listeners, tls, cancel).await
}
