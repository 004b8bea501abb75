//! TLS before an upstream, with a certificate of a private authority.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::Upstream;

/// A certificate authority that no list knows.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// Passes on what it decrypts to the upstream behind it.
#[derive(Debug)]
pub struct TlsFront {
    address: SocketAddr,
    _task: JoinSet<()>,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    /// Its certificate, PEM.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A server's configuration with a certificate for `localhost`.
    pub(crate) fn server(&self) -> ServerConfig {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a private key");
        ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("they belong together")
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl TlsFront {
    pub async fn start(authority: &Authority, upstream: &Upstream) -> Self {
        let acceptor = TlsAcceptor::from(Arc::new(authority.server()));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let (address, behind) = (listener.local_addr().expect("an address"), upstream.address);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                connections.spawn(async move {
                    let Ok(mut clear) = acceptor.accept(stream).await else { return };
                    let Ok(mut upstream) = TcpStream::connect(behind).await else { return };
                    // Either side may close as it likes.
                    let _ = tokio::io::copy_bidirectional(&mut clear, &mut upstream).await;
                });
            }
        });
        Self { address, _task: task }
    }

    pub fn url(&self) -> String {
        self.at("/mcp")
    }

    /// The URL of a path.
    pub fn at(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address.port())
    }
}
