//! The way to the MCP servers behind the gateway: one small trait, and hyper's client behind it.
//!
//! It promises: no connection to an address that the installation has not opened (checked on the resolved
//! address, as it connects), none off this machine without TLS unless that is opened as well, no proxy from the
//! environment, no redirect followed, no request sent twice once a byte of it was written, no connection shared between
//! servers. Whether and what to send is decided before it, in `request`.

use std::net::SocketAddr;

use async_trait::async_trait;
use bytes::Bytes;
use events::OrganizationId;
use events::server::Authorities;
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use projections::directory::ServerEntry;
use url::Url;
use uuid::Uuid;

mod body;
mod carrier;
mod client;
mod connect;
#[cfg(test)]
mod fuzz;
pub mod guard;
mod race;
mod resolve;
mod site;
mod socket;
mod stream;
mod trust;

pub use body::UpstreamBody;
pub use client::{HyperUpstream, UpstreamConfig};
pub use guard::Guard;
pub use race::Tried;
pub use resolve::Resolver;
pub use trust::{Trust, TrustKeeper, TrustNow};

/// Who calls, as the upstream is told.
pub const OUR_USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("keyledger/", env!("CARGO_PKG_VERSION")));

/// Whom a request goes to.
pub struct Target<'a> {
    /// Connections are kept for what has this id and generation alone.
    pub id: Uuid,
    pub generation: u64,
    /// In whose share names are resolved.
    pub organization: OrganizationId,
    pub url: &'a Url,
    /// Its own authorities.
    pub ca: Option<&'a Authorities>,
}

impl<'a> From<&'a ServerEntry> for Target<'a> {
    fn from(server: &'a ServerEntry) -> Self {
        Self {
            id: server.id.uuid(),
            generation: server.generation,
            organization: server.organization,
            url: server.upstream.url(),
            ca: server.settings.ca.as_ref(),
        }
    }
}

/// Sends requests to MCP servers. Dropping the future or the body closes the connection, which is how a
/// client's disconnect reaches the upstream; a body read to its end gives the connection back.
#[async_trait]
pub trait Upstream: Send + Sync + 'static {
    /// Its URI and its `Host` are the server's to say, and are set here. The caller bounds the wait.
    async fn send(
        &self,
        to: &ServerEntry,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<UpstreamBody>, UpstreamError>;
}

/// Why there is no answer, or not all of it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum UpstreamError {
    /// Every address that the name stands for is closed to upstreams.
    #[error("no address of the upstream is allowed: {tried}")]
    AddressRefused { refused: guard::Refused, tried: Tried },
    #[error("the upstream can't be found: {0}")]
    Name(String),
    #[error("can't connect to the upstream: {0}")]
    Connect(Tried),
    #[error("no connection to the upstream within {millis} ms: {tried}")]
    ConnectTimeout { millis: u128, tried: Tried },
    #[error("TLS with the upstream at {address} failed: {cause}")]
    Tls { address: SocketAddr, cause: String },
    #[error("the server's own certificate authorities can't be used: {0}")]
    Trust(String),
    /// It broke off, or does not speak HTTP.
    #[error("the upstream's answer can't be read: {0}")]
    Broken(String),
}
