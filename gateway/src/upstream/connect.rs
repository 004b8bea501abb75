//! Opens a connection to an upstream: resolves its name, keeps the addresses that the guard lets through,
//! and tries them in turn. The guard sees the very address that is connected to, so a name that answers
//! differently the second time gains nothing.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower::Service;

use super::UpstreamError;
use super::guard::Guard;
use super::resolve::Resolver;
use super::socket::UpstreamSocket;

/// Connects for hyper's client.
#[derive(Clone)]
pub(super) struct Connector {
    pub(super) guard: Arc<Guard>,
    pub(super) resolver: Arc<Resolver>,
    /// For resolving and connecting together.
    pub(super) timeout: Duration,
}

impl Service<Uri> for Connector {
    type Response = TokioIo<UpstreamSocket>;
    type Error = UpstreamError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, UpstreamError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), UpstreamError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let Self { guard, resolver, timeout } = self.clone();
        Box::pin(async move {
            let (host, port) = target(&uri)?;
            match tokio::time::timeout(timeout, connect(&guard, &resolver, host, port)).await {
                Ok(connected) => connected.map(|stream| TokioIo::new(UpstreamSocket::new(stream))),
                Err(_) => {
                    resolver.gave_up(host);
                    Err(UpstreamError::ConnectTimeout(timeout.as_millis()))
                }
            }
        })
    }
}

fn target(uri: &Uri) -> Result<(&str, u16), UpstreamError> {
    let host = uri.host().ok_or_else(|| UpstreamError::Connect("the URL has no host".to_owned()))?;
    let https = uri.scheme() == Some(&http::uri::Scheme::HTTPS);
    let port = uri.port_u16().unwrap_or(if https { 443 } else { 80 });
    Ok((host, port))
}

async fn connect(
    guard: &Guard,
    resolver: &Resolver,
    host: &str,
    port: u16,
) -> Result<TcpStream, UpstreamError> {
    let mut last = UpstreamError::Connect("the name has no address".to_owned());
    for address in addresses(resolver, host, port).await? {
        if let Err(refused) = guard.check(address.ip()) {
            last = UpstreamError::AddressRefused(refused);
            continue;
        }
        match TcpStream::connect(address).await {
            Ok(stream) => {
                // Small writes go out at once; an error costs latency alone.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => last = UpstreamError::Connect(error.to_string()),
        }
    }
    Err(last)
}

async fn addresses(resolver: &Resolver, host: &str, port: u16) -> Result<Vec<SocketAddr>, UpstreamError> {
    let literal = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    if let Ok(address) = literal.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let addresses = resolver.resolve(host).await?;
    Ok(addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect())
}
