//! hyper's client connections: for each runtime, so that none moves between threads, and for each server, so that none
//! is shared between tenants.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use events::clock::Clock;
use http::header::HOST;
use http::{Request, Response};
use http_body_util::Full;
use projections::directory::ServerEntry;
use tokio_rustls::TlsConnector;

use super::carrier::{Carrier, Unsent};
use super::connect::Connector;
use super::guard::Guard;
use super::resolve::Resolver;
use super::site::{Bounds, Site, Sites};
use super::trust::{Trust, TrustNow};
use super::{Target, Upstream, UpstreamBody, UpstreamError};

/// How upstreams are called.
#[derive(Debug, Clone)]
pub struct UpstreamConfig {
    pub guard: Arc<Guard>,
    /// Where a server has no authorities of its own.
    pub trust: TrustNow,
    /// For resolving a name, connecting and agreeing on TLS.
    pub connect_timeout: Duration,
    /// An unused connection is closed after this time. Below the 5 s after which uvicorn and Node.js close
    /// theirs, so that a request seldom meets a connection that is being closed.
    pub idle_timeout: Duration,
    /// Unused connections kept to one server, by one runtime.
    pub max_idle_per_host: usize,
    /// Unused connections kept in all, by one runtime.
    pub max_idle: usize,
    /// An answer's headers may be this long, in bytes.
    pub max_response_head: usize,
}

impl Default for UpstreamConfig {
    fn default() -> Self {
        Self {
            guard: Arc::new(Guard::default()),
            trust: TrustNow::public(),
            connect_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(4),
            max_idle_per_host: 64,
            max_idle: 1_024,
            max_response_head: 32 * 1024,
        }
    }
}

/// One runtime's way to the upstreams.
pub struct HyperUpstream {
    connector: Connector,
    trust: TrustNow,
    /// Of the authorities for all servers, as of their number.
    tls: Mutex<Option<(u64, TlsConnector)>>,
    sites: Arc<Sites>,
    max_response_head: usize,
}

impl HyperUpstream {
    /// Needs the crypto provider to be installed.
    pub fn new(config: UpstreamConfig, resolver: Arc<Resolver>, clock: Arc<dyn Clock>) -> Self {
        let bounds =
            Bounds { time: config.idle_timeout, each: config.max_idle_per_host, all: config.max_idle };
        Self {
            trust: config.trust,
            tls: Mutex::default(),
            sites: Sites::new(bounds, clock),
            max_response_head: config.max_response_head,
            connector: Connector { guard: config.guard, resolver, timeout: config.connect_timeout },
        }
    }

    /// What the addresses pass.
    pub fn guard(&self) -> &Guard {
        &self.connector.guard
    }

    /// Closes connections that have been unused for too long, for ever. Whoever keeps any must run it.
    pub async fn sweep(&self) {
        let every = (self.sites.bounds.time / 2).max(Duration::from_millis(50));
        loop {
            tokio::time::sleep(every).await;
            self.sites.sweep();
        }
    }

    /// What was agreed on under a server's own authorities serves no other.
    fn tls(&self, to: &Target<'_>, trust: u64) -> Result<TlsConnector, UpstreamError> {
        match to.ca {
            None => {
                let mut made = self.tls.lock().unwrap_or_else(PoisonError::into_inner);
                match &*made {
                    Some((number, tls)) if *number == trust => Ok(tls.clone()),
                    Some(_) | None => {
                        let tls = self.trust.get().connector();
                        *made = Some((trust, tls.clone()));
                        Ok(tls)
                    }
                }
            }
            Some(ca) => Trust::of(ca)
                .map(|trust| trust.connector())
                .map_err(|error| UpstreamError::Trust(error.to_string())),
        }
    }

    async fn open(&self, site: &Site) -> Result<Box<Carrier>, UpstreamError> {
        let stream = self.connector.open(site).await?;
        Carrier::new(stream, self.max_response_head).await
    }
}

impl HyperUpstream {
    /// Its URI and its `Host` are the target's to say, and are set here. The caller bounds the wait.
    pub async fn call(
        &self,
        to: &Target<'_>,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<UpstreamBody>, UpstreamError> {
        // Before the authorities themselves: those that come in between have a number, and sites, of their own.
        let trust = self.trust.number();
        let site = self.sites.of(to, trust, || self.tls(to, trust))?;
        *request.uri_mut() = site.uri.clone();
        request.headers_mut().insert(HOST, site.authority.clone());
        loop {
            let (mut carrier, used_before) = match site.take() {
                Some(carrier) => (carrier, true),
                None => (Box::pin(self.open(&site)).await?, false),
            };
            match carrier.send(request).await {
                Ok(answer) => return Ok(answer.map(|body| UpstreamBody::new(body, carrier, site))),
                // The upstream closed it in the meantime, and no byte was written.
                Err(Unsent { request: Some(unsent), .. }) if used_before => request = unsent,
                Err(Unsent { error, .. }) => return Err(error),
            }
        }
    }
}

#[async_trait]
impl Upstream for HyperUpstream {
    async fn send(
        &self,
        to: &ServerEntry,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<UpstreamBody>, UpstreamError> {
        self.call(&Target::from(to), request).await
    }
}

#[cfg(test)]
mod tests;
