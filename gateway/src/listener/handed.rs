//! Requests that come in by one listener and are answered by another's router, in the same process.

use std::net::SocketAddr;

use axum::body::to_bytes;
use bytes::Bytes;
use http::{Request, Response};
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

use super::{RequestBody, Serve};
use crate::problem::Problem;
use crate::telemetry;

/// An answer is at most so long, in bytes.
const LONGEST: usize = 1024 * 1024;

/// A router, and the runtime that its requests run on, so that those of the listener in front are kept from none.
#[derive(Clone)]
pub struct Handed {
    router: axum::Router,
    runtime: Handle,
    tasks: TaskTracker,
}

impl Handed {
    /// On the runtime that this is called on. `tasks` has each request until it has ended.
    pub fn new(router: axum::Router, tasks: TaskTracker) -> Self {
        Self { router, runtime: Handle::current(), tasks }
    }

    /// The whole answer. It is worked out to its end, also when nobody waits for it any more.
    pub async fn answer(&self, request: Request<RequestBody>, peer: SocketAddr) -> Response<Bytes> {
        let router = self.router.clone();
        let answer = async move {
            let (head, body) = router.serve(request, peer).await.into_parts();
            match to_bytes(body, LONGEST).await {
                Ok(body) => Response::from_parts(head, body),
                Err(_) => Problem::internal().response(),
            }
        };
        self.tasks.spawn_on(answer, &self.runtime).await.unwrap_or_else(|error| {
            tracing::error!(%error, "a request that was handed over failed");
            telemetry::count_panic("accounts");
            Problem::internal().response()
        })
    }
}
