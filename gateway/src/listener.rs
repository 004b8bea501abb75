//! The listeners: every connection to the public, the admin and the metrics listener is accepted and served here.
//!
//! It promises the same on each of them:
//! - connections have a bound, and a new one gets in all the same while others wait or read nothing (`room`);
//! - a handshake, a request's head, a pause between two requests and a client that reads nothing have a time;
//! - an answer given before its request's body was read reaches the client, and leaves the connection usable or
//!   says that it ends (`unread`, `linger`);
//! - a handler that panics is a 500, and counted.
//!
//! It knows no path and no key: what a request is answered with is a [`Serve`]'s to say.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use bytes::Bytes;
use events::clock::SystemClock;
use events::lasting::{Lasting, Words};
use http::{Request, Response};
use http_body::Body as HttpBody;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

mod answer;
mod connection;
mod handed;
mod linger;
mod pulse;
mod room;
mod sockets;
#[cfg(test)]
pub(crate) mod tests;
mod tls;
mod unread;

pub use handed::Handed;
pub use room::Room;
pub use sockets::{Sockets, bind, each_core};
pub use tls::{Tls, TlsError, TlsKeeper};
pub use unread::RequestBody;

use connection::Connection;

use crate::telemetry;

/// After an error of accept (such as no file descriptor left) a breath, so that it does not spin.
const BREATH: Duration = Duration::from_millis(50);

/// Answers requests.
pub trait Serve: Clone + Send + Sync + 'static {
    type Body: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static;

    /// `peer`: the connection's other end.
    fn serve(
        &self,
        request: Request<RequestBody>,
        peer: SocketAddr,
    ) -> impl Future<Output = Response<Self::Body>> + Send;
}

pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl Serve for axum::Router {
    type Body = axum::body::Body;

    /// Handlers have the peer as a [`ConnectInfo`].
    async fn serve(&self, mut request: Request<RequestBody>, peer: SocketAddr) -> Response<Self::Body> {
        request.extensions_mut().insert(ConnectInfo(peer));
        match self.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

/// The bounds of a connection.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// Until a TLS handshake is done.
    pub handshake: Duration,
    /// From the first byte of a request's head to its last.
    pub head: Duration,
    /// A request's line and headers, in bytes.
    pub head_bytes: usize,
    /// How long a connection may wait for its next request.
    pub idle: Duration,
    /// How long a client may leave what it was sent unread.
    pub unread: Duration,
    /// How long requests may go on after the listener was told to stop.
    pub drain: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(30),
            head_bytes: 32 * 1024,
            // Longer than most balancers keep theirs (60 s): the side that sends requests closes first, so that
            // none is sent into a connection that ends.
            idle: Duration::from_secs(120),
            unread: Duration::from_secs(60),
            drain: Duration::from_secs(10),
        }
    }
}

/// One accept loop: a socket, and what its connections are served with.
pub struct Listener<S> {
    pub serve: S,
    /// Loops that listen on one address share it.
    pub room: Arc<Room>,
    /// `None` on loopback, or behind a proxy that ends TLS.
    pub tls: Option<Tls>,
    pub cancel: CancellationToken,
}

impl<S: Serve> Listener<S> {
    /// Serves until cancelled, and then until what is open has ended, within the bound for it.
    pub async fn run(self, socket: TcpListener) {
        let name = self.room.name();
        let mut connections = JoinSet::new();
        let mut look = tokio::time::interval(self.room.look_every());
        let words = Words { lasts: "connections can't be accepted", ends: "connections are accepted again" };
        let refusing = Lasting::new(Arc::new(SystemClock), words).of(name);
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.cancel.cancelled() => break,
                _ = look.tick() => {
                    self.room.look();
                    continue;
                }
                Some(ended) = connections.join_next() => {
                    note(name, ended);
                    continue;
                }
                accepted = socket.accept() => accepted,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => {
                    refusing.ended();
                    accepted
                }
                Err(error) => {
                    refusing.alarm(&error);
                    metrics::counter!("keyledger_connections_refused_total", "listener" => name).increment(1);
                    tokio::time::sleep(BREATH).await;
                    continue;
                }
            };
            let entered = self.cancel.run_until_cancelled(self.room.enter(&self.cancel)).await;
            let Some(place) = entered.flatten() else { break };
            bound_unread(&stream, self.room.bounds().unread);
            let connection = Connection { serve: self.serve.clone(), place, peer };
            connections.spawn(connection.run(stream, self.tls.clone()));
        }
        drop(socket);
        self.room.end();
        let ended = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(self.room.bounds().drain, ended).await.is_err() {
            let open = connections.len();
            tracing::warn!(listener = name, open, "connections are cut off: they did not end in time");
        }
        connections.shutdown().await;
    }
}

/// Has the kernel give up on a client that takes nothing any more (`TCP_USER_TIMEOUT`, RFC 5482): nobody would
/// see otherwise that its stream's key was revoked. Without it the connection is served all the same.
#[cfg(target_os = "linux")]
fn bound_unread(stream: &TcpStream, timeout: Duration) {
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_user_timeout(Some(timeout)) {
        tracing::debug!(%error, "a connection has no bound on what it leaves unread");
    }
}

#[cfg(not(target_os = "linux"))]
fn bound_unread(_: &TcpStream, _: Duration) {}

/// What panicked beyond its handler (in an answer's body) took its connection with it, and must not go unseen.
fn note(name: &'static str, ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        telemetry::count_panic(name);
        tracing::error!(listener = name, %error, "a connection's task failed");
    }
}
