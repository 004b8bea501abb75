//! hyper-util's client: for each runtime, so that a connection never moves between threads, and for each organization,
//! so that none is shared between tenants. A server with authorities of its own has one for itself: what was agreed on
//! under its authorities serves no other.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use events::{OrganizationId, ServerId};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use moka::sync::Cache;
use projections::directory::ServerEntry;
use tokio_rustls::TlsConnector;

use super::connect::Connector;
use super::guard::Guard;
use super::resolve::Resolver;
use super::trust::Trust;
use super::{Upstream, UpstreamBody, UpstreamError};

/// How upstreams are called.
#[derive(Debug, Clone)]
pub struct UpstreamConfig {
    pub guard: Arc<Guard>,
    /// Where a server has no authorities of its own.
    pub trust: Trust,
    /// For resolving a name, connecting and agreeing on TLS.
    pub connect_timeout: Duration,
    /// An unused connection is closed after this time. Below the 5 s after which uvicorn and Node.js close
    /// theirs, so that a request seldom meets a connection that is being closed.
    pub idle_timeout: Duration,
    /// Unused connections kept to one upstream, by one runtime, for one organization.
    pub max_idle_per_host: usize,
    /// An answer's headers may be this long, in bytes.
    pub max_response_head: usize,
}

impl Default for UpstreamConfig {
    fn default() -> Self {
        Self {
            guard: Arc::new(Guard::default()),
            trust: Trust::public(),
            connect_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(4),
            max_idle_per_host: 64,
            max_response_head: 32 * 1024,
        }
    }
}

/// The clients.
pub struct HyperUpstream {
    config: UpstreamConfig,
    resolver: Arc<Resolver>,
    tls: TlsConnector,
    clients: Cache<Sharing, HyperClient>,
}

type HyperClient = Client<Connector, Full<Bytes>>;

/// Calls that may share connections.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Sharing {
    organization: OrganizationId,
    /// A server with authorities of its own, as of this generation.
    own: Option<(ServerId, u64)>,
}

/// Clients that are kept: beyond them, and unused for longer than their connections live, they are made anew.
const MAX_CLIENTS: u64 = 4_096;
const UNUSED: Duration = Duration::from_secs(60);

impl HyperUpstream {
    /// Needs the crypto provider to be installed.
    pub fn new(config: UpstreamConfig, resolver: Arc<Resolver>) -> Self {
        let tls = config.trust.connector();
        let clients = Cache::builder().max_capacity(MAX_CLIENTS).time_to_idle(UNUSED).build();
        Self { config, resolver, tls, clients }
    }

    /// What the addresses pass.
    pub fn guard(&self) -> &Guard {
        &self.config.guard
    }

    fn client(&self, to: &ServerEntry) -> Result<HyperClient, UpstreamError> {
        let ca = to.settings.ca.as_ref();
        let own = ca.map(|_| (to.id, to.generation));
        let sharing = Sharing { organization: to.organization, own };
        if let Some(client) = self.clients.get(&sharing) {
            return Ok(client);
        }
        let tls = match ca {
            None => self.tls.clone(),
            Some(ca) => Trust::of(ca).map_err(|error| UpstreamError::Trust(error.to_string()))?.connector(),
        };
        let connector = Connector {
            organization: to.organization,
            guard: Arc::clone(&self.config.guard),
            resolver: Arc::clone(&self.resolver),
            tls,
            timeout: self.config.connect_timeout,
        };
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(self.config.idle_timeout)
            .pool_max_idle_per_host(self.config.max_idle_per_host)
            .http1_max_buf_size(self.config.max_response_head.max(8_192))
            // Only a request of which no byte was written yet goes to another connection: the pool gave it one
            // that the upstream had closed in the meantime.
            .retry_canceled_requests(true)
            .build(connector);
        self.clients.insert(sharing, client.clone());
        Ok(client)
    }
}

#[async_trait]
impl Upstream for HyperUpstream {
    async fn send(
        &self,
        to: &ServerEntry,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<UpstreamBody>, UpstreamError> {
        let response = self.client(to)?.request(request).await.map_err(|error| explain(&error))?;
        Ok(response.map(|body| body.map_err(|error| UpstreamError::Broken(error.to_string())).boxed_unsync()))
    }
}

/// Finds the connector's own reason below hyper's.
fn explain(error: &hyper_util::client::legacy::Error) -> UpstreamError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    let mut deepest = error.to_string();
    while let Some(reason) = cause {
        if let Some(own) = reason.downcast_ref::<UpstreamError>() {
            return own.clone();
        }
        deepest = reason.to_string();
        cause = reason.source();
    }
    UpstreamError::Broken(deepest)
}
