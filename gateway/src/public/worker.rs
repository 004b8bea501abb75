//! The threads of the listener: each a runtime, a socket and a client to upstreams of its own.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::connection::Connection;
use super::{Listeners, PublicError};
use crate::request::Door;
use crate::upstream::{Guard, HyperUpstream, Upstream, UpstreamConfig};

/// A thread that resolves a name waits for the system's resolver. Each name takes one at most, so that this many
/// names must hang before others wait, in each runtime; threads are made as they are needed.
const BLOCKING_THREADS: usize = 128;
/// Unused connections kept to one upstream, by one runtime.
const MAX_IDLE_PER_HOST: usize = 64;
/// After an error of accept (such as no file descriptor left) a breath, so that it does not spin.
const BREATH: Duration = Duration::from_millis(50);

pub(super) async fn run(
    door: Arc<Door>,
    listeners: Listeners,
    tls: Option<Arc<ServerConfig>>,
    cancel: CancellationToken,
) -> Result<(), PublicError> {
    let settings = door.settings();
    let upstream = UpstreamConfig {
        guard: Arc::new(Guard::new(settings.upstream_allow.clone())),
        connect_timeout: settings.connect_timeout,
        idle_timeout: Duration::from_secs(4),
        max_idle_per_host: MAX_IDLE_PER_HOST,
        max_response_head: settings.max_header_bytes,
    };
    let permits = Arc::new(Semaphore::new(settings.max_connections));
    // A thread that ends drops its sender.
    let (running, mut ended) = mpsc::channel::<()>(1);
    let mut threads = Vec::new();
    for (number, socket) in listeners.sockets.into_iter().enumerate() {
        let worker = Worker {
            door: Arc::clone(&door),
            tls: tls.clone().map(TlsAcceptor::from),
            permits: Arc::clone(&permits),
            upstream: upstream.clone(),
            cancel: cancel.clone(),
        };
        let running = running.clone();
        let thread = std::thread::Builder::new().name(format!("public-{number}")).spawn(move || {
            let result = worker.run(socket);
            drop(running);
            result
        });
        threads.push(thread.map_err(PublicError::Thread)?);
    }
    drop(running);
    // Nothing is ever sent: `recv` ends when every thread has.
    tokio::select! {
        biased;
        () = cancel.cancelled() => {
            door.closing().cancel();
            let _ = ended.recv().await;
        }
        _ = ended.recv() => {}
    }
    for thread in threads {
        thread.join().map_err(|_| PublicError::Ended)?.map_err(PublicError::Thread)?;
    }
    if cancel.is_cancelled() { Ok(()) } else { Err(PublicError::Ended) }
}

struct Worker {
    door: Arc<Door>,
    tls: Option<TlsAcceptor>,
    permits: Arc<Semaphore>,
    upstream: UpstreamConfig,
    cancel: CancellationToken,
}

impl Worker {
    fn run(self, socket: TcpListener) -> std::io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(BLOCKING_THREADS)
            .build()?;
        let result = runtime.block_on(self.accept(socket));
        // A thread in the system's resolver can't be stopped; it must not hold the process.
        runtime.shutdown_background();
        result
    }

    async fn accept(self, socket: TcpListener) -> std::io::Result<()> {
        let listener = tokio::net::TcpListener::from_std(socket)?;
        let upstream: Arc<dyn Upstream> = Arc::new(HyperUpstream::new(&self.upstream));
        let mut connections = JoinSet::new();
        loop {
            let next = async {
                // Before accept: a connection too many waits in the kernel.
                let permit = Arc::clone(&self.permits).acquire_owned().await.ok()?;
                Some((permit, listener.accept().await))
            };
            let next = tokio::select! {
                biased;
                () = self.cancel.cancelled() => break,
                next = next => next,
                Some(result) = connections.join_next() => {
                    note(result);
                    continue;
                }
            };
            let Some((permit, accepted)) = next else { break };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(BREATH).await;
                    continue;
                }
            };
            bound_unread(&stream, self.door.settings().unread_timeout);
            let connection = Connection {
                door: Arc::clone(&self.door),
                upstream: Arc::clone(&upstream),
                cancel: self.cancel.clone(),
            };
            let tls = self.tls.clone();
            connections.spawn(async move {
                match tls {
                    None => connection.serve(stream).await,
                    Some(tls) => connection.serve_tls(stream, tls).await,
                }
                drop(permit);
            });
            // While one connection follows another, the branch above is never reached.
            while let Some(result) = connections.try_join_next() {
                note(result);
            }
        }
        drop(listener);
        let drain = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(self.door.settings().drain_timeout, drain).await.is_err() {
            tracing::warn!(open = connections.len(), "connections are cut off: they did not end in time");
        }
        connections.shutdown().await;
        Ok(())
    }
}

/// Has the kernel give up on a client that takes nothing any more (`TCP_USER_TIMEOUT`, RFC 5482): nobody would
/// see otherwise that its stream's key was revoked. Without it the connection is served all the same.
#[cfg(target_os = "linux")]
fn bound_unread(stream: &tokio::net::TcpStream, timeout: Duration) {
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_user_timeout(Some(timeout)) {
        tracing::debug!(%error, "a connection has no bound on what it leaves unread");
    }
}

#[cfg(not(target_os = "linux"))]
fn bound_unread(_: &tokio::net::TcpStream, _: Duration) {}

/// A connection that panicked takes nobody with it, and must not go unseen.
fn note(result: Result<(), tokio::task::JoinError>) {
    if let Err(error) = result
        && error.is_panic()
    {
        metrics::counter!("keyledger_connection_panics_total").increment(1);
        tracing::error!(%error, "a connection's task failed");
    }
}
