//! The public listener: `/mcp`, key verification, the JWK set. Bare hyper on one current-thread runtime a
//! core, each with a listener of its own (SO_REUSEPORT) and its own connections to upstreams, so that no
//! request changes threads.
//!
//! It promises: every answer in JSON; no answer that tells more than the request's key may know. It leaves every
//! decision on a request to `request`, and connections to `listener`.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

mod request_id;
mod route;
#[cfg(test)]
mod tests;
mod worker;

use crate::listener::{Handed, Room, Sockets, Tls};
use crate::request::Door;

/// Why the listener does not run.
#[derive(Debug, thiserror::Error)]
pub enum PublicError {
    #[error("a thread of the public listener could not be started: {0}")]
    Thread(std::io::Error),
    #[error("a thread of the public listener ended by itself")]
    Ended,
}

/// Serves until cancelled, and then until what is open has ended, within the room's bound for it.
///
/// `accounts`: where sign-in and OAuth are answered, if this process does. `tls`: `None` on loopback, or behind a proxy
/// that terminates TLS.
pub async fn serve(
    door: Arc<Door>,
    accounts: Option<Handed>,
    sockets: Sockets,
    room: Arc<Room>,
    tls: Option<Tls>,
    cancel: CancellationToken,
) -> Result<(), PublicError> {
    worker::run(door, accounts, sockets, room, tls, cancel).await
}
