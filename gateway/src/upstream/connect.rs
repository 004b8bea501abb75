//! Opens a connection to an upstream: resolves its name, keeps the addresses that the guard lets through,
//! connects to the first that answers, and agrees on TLS. The guard sees the very address that is connected to, so a
//! name that answers differently the second time gains nothing.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

use super::UpstreamError;
use super::guard::{Guard, Refused};
use super::race::{self, Tried};
use super::resolve::Resolver;
use super::site::Site;
use super::socket::UpstreamSocket;
use super::stream::{UpstreamStream, Wire};

/// Connects to sites.
pub(super) struct Connector {
    pub(super) guard: Arc<Guard>,
    pub(super) resolver: Arc<Resolver>,
    /// For resolving, connecting and TLS together.
    pub(super) timeout: Duration,
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
    pub(super) async fn open(&self, site: &Site) -> Result<UpstreamStream, UpstreamError> {
        let mut tried = Tried::default();
        match tokio::time::timeout(self.timeout, self.connect(site, &mut tried)).await {
            Ok(connected) => connected,
            Err(_) => {
                self.resolver.gave_up(&site.host);
                Err(UpstreamError::ConnectTimeout { millis: self.timeout.as_millis(), tried })
            }
        }
    }

    async fn connect(&self, site: &Site, tried: &mut Tried) -> Result<UpstreamStream, UpstreamError> {
        let addresses = match site.host.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => self.resolver.resolve(site.organization, &site.host).await?,
        };
        let check = |address| self.check(address, site.tls.is_some());
        let (stream, peer) = match race::connect(addresses, site.port, check, tried).await {
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
        let inquiry = socket.inquiry();
        let wire = match &site.tls {
            None => Wire::Plain(socket),
            Some(tls) => {
                let failed = |cause: String| UpstreamError::Tls { address: peer, cause };
                let name =
                    ServerName::try_from(site.host.clone()).map_err(|error| failed(error.to_string()))?;
                let stream = tls.connect(name, socket).await.map_err(|error| failed(error.to_string()))?;
                Wire::Tls(Box::new(stream))
            }
        };
        Ok(UpstreamStream { wire, peer, inquiry })
    }

    fn check(&self, address: IpAddr, tls: bool) -> Result<(), Refused> {
        self.guard.check(address)?;
        if tls { Ok(()) } else { self.guard.check_plain(address) }
    }
}
