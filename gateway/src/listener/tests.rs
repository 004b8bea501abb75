//! A listener before a small handler, and clients that write bytes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use events::clock::SystemClock;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::*;

pub(crate) mod client;
mod early;
mod room;
mod tls;

/// Answers by the path.
#[derive(Clone, Default)]
struct Handler {
    asked: Arc<AtomicUsize>,
    go_on: Arc<Notify>,
}

impl Serve for Handler {
    type Body = Full<Bytes>;

    async fn serve(&self, request: Request<RequestBody>, _: SocketAddr) -> Response<Self::Body> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = |status: StatusCode, text: String| {
            let mut response = Response::new(Full::new(Bytes::from(text)));
            *response.status_mut() = status;
            response
        };
        match request.uri().path() {
            "/early" => answer(StatusCode::UNAUTHORIZED, "no key".to_owned()),
            "/some" => {
                let _ = request.into_body().frame().await;
                answer(StatusCode::PAYLOAD_TOO_LARGE, "too much".to_owned())
            }
            "/wait" => {
                self.go_on.notified().await;
                answer(StatusCode::OK, "waited".to_owned())
            }
            // More than the buffers between hold.
            "/large" => answer(StatusCode::OK, "x".repeat(32 * 1024 * 1024)),
            "/panic" => panic!("as the test asked"),
            _ => match request.into_body().collect().await {
                Ok(body) => answer(StatusCode::OK, format!("{} bytes", body.to_bytes().len())),
                Err(_) => answer(StatusCode::BAD_REQUEST, "broken".to_owned()),
            },
        }
    }
}

struct Open {
    address: SocketAddr,
    handler: Handler,
    _tasks: JoinSet<()>,
    _cancel: DropGuard,
}

impl Open {
    fn start() -> Self {
        Self::with(100, Bounds::default())
    }

    fn with(places: usize, bounds: Bounds) -> Self {
        Self::listening(places, bounds, None)
    }

    fn listening(places: usize, bounds: Bounds, tls: Option<Tls>) -> Self {
        let handler = Handler::default();
        Self::serving("test", handler.clone(), handler, places, bounds, tls)
    }

    fn serving<S: Serve>(
        name: &'static str,
        serve: S,
        handler: Handler,
        places: usize,
        bounds: Bounds,
        tls: Option<Tls>,
    ) -> Self {
        let socket = bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = socket.local_addr().unwrap();
        let cancel = CancellationToken::new();
        let room = Room::new(name, places, bounds, Arc::new(SystemClock));
        let listener = Listener { serve, room, tls, cancel: cancel.clone() };
        let mut tasks = JoinSet::new();
        tasks.spawn(listener.run(socket));
        Self { address, handler, _tasks: tasks, _cancel: cancel.drop_guard() }
    }

    async fn asked(&self, times: usize) {
        let asked = async {
            while self.handler.asked.load(Ordering::SeqCst) < times {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), asked).await.expect("the handler is asked");
    }
}
