//! A node's certificate is replaced, and its descriptors are few: it goes on, and says what it can't do.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use keyledger_tests::fleet::{Fleet, Plan};
use keyledger_tests::poll::{until, within};
use keyledger_tests::wire::Ask;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

const BOUND: Duration = Duration::from_secs(30);

/// Writes a new certificate and its key.
fn renew(folder: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("tls.key"), made.signing_key.serialize_pem()).unwrap();
    std::fs::write(folder.join("tls.crt"), made.cert.pem()).unwrap();
    made.cert.der().clone()
}

/// The first line that a listener answers with to who trusts this certificate alone.
async fn answer(
    listener: SocketAddr,
    path: &str,
    trusted: &CertificateDer<'static>,
) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(listener).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn on_sighup_a_node_serves_new_tls_files_and_ends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let first = renew(folder.path());
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (certificate, key) = (file("tls.crt"), file("tls.key"));
    let set = [("tls.certificate_file", certificate.as_str()), ("tls.key_file", key.as_str())];
    let mut fleet = Fleet::with(Plan { nodes: 1, set: &set, ..Plan::default() }).await;
    let node = &fleet.nodes[0];
    let both = [(node.public, "/.well-known/jwks.json", "200"), (node.admin, "/api/v1/status", "401")];
    for (listener, path, status) in both {
        let first = answer(listener, path, &first).await.unwrap();
        assert_eq!(first.split(' ').nth(1), Some(status), "{path}: {first}");
    }
    let second = renew(folder.path());
    for (listener, path, _) in both {
        // Sooner than the node would look by itself.
        hang_up(node.process());
        let renewed = async || answer(listener, path, &second).await.map_err(|error| error.to_string());
        until("the new certificate is served", BOUND, renewed).await;
    }
    assert!(node.ready_answer().await.unwrap().status == 200, "{}", node.said());
    assert!(fleet.nodes[0].stop().await.success(), "it ends in order when it is told to");
}

fn hang_up(process: u32) {
    assert!(Command::new("kill").args(["-HUP", &process.to_string()]).status().unwrap().success());
}

#[tokio::test]
async fn a_node_with_few_descriptors_says_so_and_answers_livez_at_its_limit() {
    let mut fleet = Fleet::with(Plan { nodes: 1, ..Plan::default() }).await;
    let node = &mut fleet.nodes[0];
    node.stop().await;
    node.limit_files(256);
    node.start().await;
    node.becomes_ready().await;
    for told in ["may open 256 files", "listen.public takes ", "listen.admin ", "listen.metrics "] {
        assert!(node.said().contains(told), "{told}: {}", node.said());
    }
    let mut held = Vec::new();
    for _ in 0..400 {
        held.push(within("a connection", BOUND, TcpStream::connect(node.public)).await.unwrap());
    }
    for _ in 0..20 {
        let live = within("/livez", BOUND, Ask::get("/livez").send(node.metrics)).await;
        assert_eq!(live.status, 200);
    }
    // Who asks something finds a place among those that ask nothing.
    let keys = within("the keys", BOUND, Ask::get("/.well-known/jwks.json").send(node.public)).await;
    assert_eq!(keys.status, 200);
}
