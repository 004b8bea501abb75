//! The threads of the listener: each a runtime, a socket and a client to upstreams of its own.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{PublicError, route};
use crate::listener::{Listener, RequestBody, Room, Serve, Sockets, Tls};
use crate::request::{Body, Door};
use crate::upstream::{Guard, HyperUpstream, Upstream, UpstreamConfig};

/// A thread that resolves a name waits for the system's resolver. Each name takes one at most, so that this many
/// names must hang before others wait, in each runtime; threads are made as they are needed.
const BLOCKING_THREADS: usize = 128;
/// Unused connections kept to one upstream, by one runtime.
const MAX_IDLE_PER_HOST: usize = 64;

pub(super) async fn run(
    door: Arc<Door>,
    sockets: Sockets,
    room: Arc<Room>,
    tls: Option<Tls>,
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
    // A thread that ends drops its sender.
    let (running, mut ended) = mpsc::channel::<()>(1);
    let mut threads = Vec::new();
    for (number, socket) in sockets.into_each().into_iter().enumerate() {
        let worker = Worker {
            door: Arc::clone(&door),
            room: Arc::clone(&room),
            tls: tls.clone(),
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
    room: Arc<Room>,
    tls: Option<Tls>,
    upstream: UpstreamConfig,
    cancel: CancellationToken,
}

impl Worker {
    fn run(self, socket: TcpListener) -> std::io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(BLOCKING_THREADS)
            .build()?;
        let result = runtime.block_on(self.serve(socket));
        // A thread in the system's resolver can't be stopped; it must not hold the process.
        runtime.shutdown_background();
        result
    }

    async fn serve(self, socket: TcpListener) -> std::io::Result<()> {
        let socket = tokio::net::TcpListener::from_std(socket)?;
        let serve = Public { door: self.door, upstream: Arc::new(HyperUpstream::new(&self.upstream)) };
        Listener { serve, room: self.room, tls: self.tls, cancel: self.cancel }.run(socket).await;
        Ok(())
    }
}

/// What one thread answers with.
#[derive(Clone)]
struct Public {
    door: Arc<Door>,
    upstream: Arc<dyn Upstream>,
}

impl Serve for Public {
    type Body = Body;

    async fn serve(&self, request: Request<RequestBody>) -> Response<Body> {
        route::answer(&self.door, &*self.upstream, request).await
    }
}
