//! hyper-util's client: one for each runtime, so that a connection never moves between threads.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::connect::Connector;
use super::guard::Guard;
use super::resolve::Resolver;
use super::{Upstream, UpstreamBody, UpstreamError};

/// How upstreams are called.
#[derive(Debug, Clone)]
pub struct UpstreamConfig {
    pub guard: Arc<Guard>,
    pub connect_timeout: Duration,
    /// An unused connection is closed after this time. Below the 5 s after which uvicorn and Node.js close
    /// theirs, so that a request seldom meets a connection that is being closed.
    pub idle_timeout: Duration,
    /// Unused connections kept to one upstream, by one runtime.
    pub max_idle_per_host: usize,
    /// An answer's headers may be this long, in bytes.
    pub max_response_head: usize,
}

/// The client.
pub struct HyperUpstream {
    client: Client<HttpsConnector<Connector>, Full<Bytes>>,
}

impl HyperUpstream {
    /// Needs the crypto provider to be installed.
    pub fn new(config: &UpstreamConfig) -> Self {
        let connector = Connector {
            guard: Arc::clone(&config.guard),
            resolver: Arc::new(Resolver::new()),
            timeout: config.connect_timeout,
        };
        let connector = HttpsConnectorBuilder::new()
            .with_webpki_roots()
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(config.idle_timeout)
            .pool_max_idle_per_host(config.max_idle_per_host)
            .http1_max_buf_size(config.max_response_head.max(8_192))
            // Only a request of which no byte was written yet goes to another connection: the pool gave it one
            // that the upstream had closed in the meantime.
            .retry_canceled_requests(true)
            .build(connector);
        Self { client }
    }
}

#[async_trait]
impl Upstream for HyperUpstream {
    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<UpstreamBody>, UpstreamError> {
        let response = self.client.request(request).await.map_err(explain)?;
        Ok(response.map(|body| body.map_err(|error| UpstreamError::Broken(error.to_string())).boxed_unsync()))
    }
}

/// Finds the connector's own reason below hyper's.
fn explain(error: hyper_util::client::legacy::Error) -> UpstreamError {
    let connecting = error.is_connect();
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    let mut deepest = error.to_string();
    while let Some(reason) = cause {
        match reason.downcast_ref::<UpstreamError>() {
            Some(UpstreamError::AddressRefused(refused)) => return UpstreamError::AddressRefused(*refused),
            Some(UpstreamError::ConnectTimeout(after)) => return UpstreamError::ConnectTimeout(*after),
            Some(UpstreamError::Connect(why)) => return UpstreamError::Connect(why.clone()),
            Some(UpstreamError::Broken(_)) | None => {}
        }
        deepest = reason.to_string();
        cause = reason.source();
    }
    if connecting { UpstreamError::Connect(deepest) } else { UpstreamError::Broken(deepest) }
}
