//! The threads of the listener: each a runtime, a socket and a client to upstreams of its own.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use http::{Request, Response};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::request_id::RequestIds;
use super::{PublicError, route};
use crate::listener::{Handed, Listener, RequestBody, Room, Serve, Sockets, Tls};
use crate::oauth;
use crate::request::forward::REQUEST_ID;
use crate::request::{Body, Door};
use crate::upstream::{HyperUpstream, Resolver, Upstream};

pub(super) async fn run(
    door: Arc<Door>,
    accounts: Option<Handed>,
    sockets: Sockets,
    room: Arc<Room>,
    tls: Option<Tls>,
    cancel: CancellationToken,
) -> Result<(), PublicError> {
    let resolver = Arc::new(Resolver::new().map_err(PublicError::Thread)?);
    // A thread that ends drops its sender.
    let (running, mut ended) = mpsc::channel::<()>(1);
    let mut threads = Vec::new();
    for (number, socket) in sockets.into_each().into_iter().enumerate() {
        let worker = Worker {
            door: Arc::clone(&door),
            accounts: accounts.clone(),
            room: Arc::clone(&room),
            tls: tls.clone(),
            resolver: Arc::clone(&resolver),
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
            door.close();
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
    accounts: Option<Handed>,
    room: Arc<Room>,
    tls: Option<Tls>,
    resolver: Arc<Resolver>,
    cancel: CancellationToken,
}

impl Worker {
    fn run(self, socket: TcpListener) -> std::io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.serve(socket))
    }

    async fn serve(self, socket: TcpListener) -> std::io::Result<()> {
        let socket = tokio::net::TcpListener::from_std(socket)?;
        let settings = self.door.settings().upstream.clone();
        let ids = RequestIds::new(self.door.shared_random());
        let upstream = Arc::new(HyperUpstream::new(settings, self.resolver, self.door.shared_clock()));
        let serve = Public {
            door: self.door,
            accounts: self.accounts,
            upstream: Arc::<HyperUpstream>::clone(&upstream),
            ids: Arc::new(ids),
        };
        let listener = Listener { serve, room: self.room, tls: self.tls, cancel: self.cancel };
        tokio::select! {
            () = listener.run(socket) => {}
            () = upstream.sweep() => {}
        }
        Ok(())
    }
}

/// What one thread answers with.
#[derive(Clone)]
struct Public {
    door: Arc<Door>,
    accounts: Option<Handed>,
    upstream: Arc<dyn Upstream>,
    ids: Arc<RequestIds>,
}

impl Serve for Public {
    type Body = Body;

    async fn serve(&self, request: Request<RequestBody>, peer: SocketAddr) -> Response<Body> {
        if let Some(accounts) = self.accounts.as_ref().filter(|_| oauth::is_ours(request.uri().path())) {
            // No origin is looked at, and nothing of the request path: they are another listener's.
            let mut response = accounts.answer(request, peer).await.map(Body::from);
            response.headers_mut().insert(REQUEST_ID, self.ids.next(self.door.clock()));
            return response;
        }
        route::answer(&self.door, &*self.upstream, &self.ids, request, peer).await
    }
}
