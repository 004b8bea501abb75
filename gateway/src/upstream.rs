//! The way to the MCP servers behind the gateway: one small trait, and hyper's client behind it.
//!
//! It promises: no connection to an address that the installation has not opened (checked on the resolved
//! address, as it connects), no proxy from the environment, no redirect followed, no request sent twice once
//! a byte of it was written. Whether and what to send is decided before it, in `request`.

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use http_body_util::combinators::UnsyncBoxBody;

mod client;
mod connect;
pub mod guard;
mod resolve;
mod socket;

pub use client::{HyperUpstream, UpstreamConfig};
pub use guard::Guard;

/// A body as it comes from an upstream, frame by frame.
pub type UpstreamBody = UnsyncBoxBody<Bytes, UpstreamError>;

/// Sends requests to MCP servers. Dropping the future or the body closes the connection, which is how a
/// client's disconnect reaches the upstream; a body read to its end gives the connection back.
#[async_trait]
pub trait Upstream: Send + Sync + 'static {
    /// The request's URI is absolute. The caller bounds the wait.
    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<UpstreamBody>, UpstreamError>;
}

/// Why there is no answer, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// Every address that the name stands for is closed to upstreams.
    #[error("the upstream's address is not allowed: {0}")]
    AddressRefused(guard::Refused),
    #[error("can't connect to the upstream: {0}")]
    Connect(String),
    #[error("no connection to the upstream within {0} ms")]
    ConnectTimeout(u128),
    /// It broke off, or does not speak HTTP.
    #[error("the upstream's answer can't be read: {0}")]
    Broken(String),
}
