//! Opens a connection to an upstream: resolves its name, keeps the addresses that the guard lets through,
//! connects to the first that answers, and agrees on TLS. The guard sees the very address that is connected to, so a
//! name that answers differently the second time gains nothing.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use events::OrganizationId;
use http::Uri;
use http::uri::Scheme;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tower::Service;

use super::UpstreamError;
use super::guard::{Guard, Refused};
use super::race::{self, Tried};
use super::resolve::Resolver;
use super::socket::UpstreamSocket;
use super::stream::{Peer, UpstreamStream, Wire};

/// Connects for hyper's client, on behalf of one organization.
#[derive(Clone)]
pub(super) struct Connector {
    pub(super) organization: OrganizationId,
    pub(super) guard: Arc<Guard>,
    pub(super) resolver: Arc<Resolver>,
    pub(super) tls: TlsConnector,
    /// For resolving, connecting and TLS together.
    pub(super) timeout: Duration,
}

impl Service<Uri> for Connector {
    type Response = TokioIo<UpstreamStream>;
    type Error = UpstreamError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, UpstreamError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), UpstreamError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move {
            let target = Target::of(&uri)?;
            let mut tried = Tried::default();
            match tokio::time::timeout(connector.timeout, connector.connect(&target, &mut tried)).await {
                Ok(connected) => connected.map(TokioIo::new),
                Err(_) => {
                    connector.resolver.gave_up(target.host);
                    Err(UpstreamError::ConnectTimeout { millis: connector.timeout.as_millis(), tried })
                }
            }
        })
    }
}

struct Target<'a> {
    /// Without the brackets of an IPv6 address.
    host: &'a str,
    port: u16,
    tls: bool,
}

impl<'a> Target<'a> {
    fn of(uri: &'a Uri) -> Result<Self, UpstreamError> {
        let host = uri.host().ok_or_else(|| UpstreamError::Name("the URL has no host".to_owned()))?;
        let host = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        let tls = uri.scheme() == Some(&Scheme::HTTPS);
        Ok(Self { host, port: uri.port_u16().unwrap_or(if tls { 443 } else { 80 }), tls })
    }
}

/// Small writes go out at once. An upstream that is gone without a word is noticed after a minute or so, also while
/// an event stream of its own is silent by right. An error costs that alone.
fn tune(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let idle = Duration::from_secs(30);
    let keepalive = TcpKeepalive::new().with_time(idle).with_interval(Duration::from_secs(10));
    let _ = SockRef::from(stream).set_tcp_keepalive(&keepalive);
}

impl Connector {
    async fn connect(&self, target: &Target<'_>, tried: &mut Tried) -> Result<UpstreamStream, UpstreamError> {
        let addresses = match target.host.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => self.resolver.resolve(self.organization, target.host).await?,
        };
        let (stream, address) =
            match race::connect(addresses, target.port, |address| self.check(address, target.tls), tried)
                .await
            {
                Ok(won) => won,
                Err(race::Lost) => {
                    let tried = std::mem::take(tried);
                    return Err(match tried.refused() {
                        Some(refused) => UpstreamError::AddressRefused { refused, tried },
                        None => UpstreamError::Connect(tried),
                    });
                }
            };
        tune(&stream);
        let socket = UpstreamSocket::new(stream);
        let wire = if target.tls {
            let failed = |cause: String| UpstreamError::Tls { address, cause };
            let name =
                ServerName::try_from(target.host.to_owned()).map_err(|error| failed(error.to_string()))?;
            let stream = self.tls.connect(name, socket).await.map_err(|error| failed(error.to_string()))?;
            Wire::Tls(Box::new(stream))
        } else {
            Wire::Plain(socket)
        };
        Ok(UpstreamStream { wire, peer: Peer(address) })
    }

    fn check(&self, address: IpAddr, tls: bool) -> Result<(), Refused> {
        self.guard.check(address)?;
        if tls { Ok(()) } else { self.guard.check_plain(address) }
    }
}
