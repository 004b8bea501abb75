//! A client before an upstream with TLS, whose authority comes and goes.

use std::path::Path;

use events::clock::SystemClock;
use events::server::UpstreamSettings;
use events::{OrganizationId, ServerId};
use http_body_util::BodyExt;
use projections::directory::{Newest, ServerState};
use rcgen::{CertifiedKey, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::*;

fn certificate() -> CertifiedKey<KeyPair> {
    rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap()
}

/// Answers each request with 202.
async fn upstream(made: &CertifiedKey<KeyPair>, tasks: &mut JoinSet<()>) -> String {
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let chain = vec![made.cert.der().clone()];
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            connections.spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut bytes = [0; 4096];
                while stream.read(&mut bytes).await.is_ok_and(|read| read > 0) {
                    let answer = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
                    if stream.write_all(answer).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    url
}

fn server(url: &str) -> ServerEntry {
    ServerEntry {
        id: ServerId::new(Uuid::from_u128(1)),
        organization: OrganizationId::new(Uuid::from_u128(2)),
        slug: "docs".parse().unwrap(),
        upstream: url.parse().unwrap(),
        settings: UpstreamSettings::default(),
        state: ServerState::Enabled,
        generation: 1,
        newest: Newest::default(),
    }
}

async fn call(client: &HyperUpstream, url: &str) -> Result<u16, UpstreamError> {
    let request = Request::get(url).body(Full::default()).unwrap();
    let answer = client.send(&server(url), request).await?;
    let status = answer.status().as_u16();
    answer.into_body().collect().await?;
    Ok(status)
}

/// Tells the keeper that the file holds this, and waits until calls come out so.
async fn becomes(client: &HyperUpstream, url: &str, trusted: bool) {
    let come = async {
        loop {
            match call(client, url).await {
                Ok(202) if trusted => return,
                Err(UpstreamError::Tls { .. }) if !trusted => return,
                Ok(_) | Err(UpstreamError::Tls { .. }) => tokio::task::yield_now().await,
                Err(other) => panic!("{other}"),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), come).await.expect("the file is taken in");
}

#[tokio::test]
async fn an_authority_in_the_file_counts_while_it_stands_there() {
    crate::crypto::install();
    let (own, other) = (certificate(), certificate());
    let mut tasks = JoinSet::new();
    let url = upstream(&own, &mut tasks).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let write = |file: &Path, made: &CertifiedKey<KeyPair>| std::fs::write(file, made.cert.pem()).unwrap();
    write(&file, &other);
    let (trust, keeper) = TrustNow::with_file(file.clone()).unwrap();
    let changed = watch::Sender::new(());
    tasks.spawn(keeper.run(changed.subscribe(), CancellationToken::new()));
    let guard = Guard::new(vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()], Vec::new());
    let config = UpstreamConfig { guard: Arc::new(guard), trust, ..UpstreamConfig::default() };
    let client = HyperUpstream::new(config, Arc::new(Resolver::new().unwrap()), Arc::new(SystemClock));

    becomes(&client, &url, false).await;
    write(&file, &own);
    changed.send_replace(());
    becomes(&client, &url, true).await;
    // The connection that is kept is of no use any more once its authority is gone.
    write(&file, &other);
    changed.send_replace(());
    becomes(&client, &url, false).await;
}
