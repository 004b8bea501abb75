//! A listener that ends TLS itself.

use std::path::Path;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::client::Connection;
use super::*;
use crate::config::TlsFiles;

/// A certificate for `localhost`, signed by its own key.
struct Identity {
    certificate: CertificateDer<'static>,
    pem: String,
    key: String,
}

fn identity() -> Identity {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    Identity {
        certificate: made.cert.der().clone(),
        pem: made.cert.pem(),
        key: made.signing_key.serialize_pem(),
    }
}

fn files(folder: &Path) -> TlsFiles {
    TlsFiles { certificate_file: folder.join("tls.crt"), key_file: folder.join("tls.key") }
}

fn write(files: &TlsFiles, certificate: &Identity, key: &Identity) {
    std::fs::write(&files.certificate_file, &certificate.pem).unwrap();
    std::fs::write(&files.key_file, &key.key).unwrap();
}

struct Encrypted {
    open: Open,
    first: Identity,
    files: TlsFiles,
    changed: watch::Sender<()>,
    _keeper: JoinSet<()>,
    _folder: TempDir,
}

impl Encrypted {
    fn start(bounds: Bounds) -> Self {
        crate::crypto::install();
        let folder = tempfile::tempdir().unwrap();
        let (files, first) = (files(folder.path()), identity());
        write(&files, &first, &first);
        let (tls, keeper) = Tls::read(&files).unwrap();
        let changed = watch::Sender::new(());
        let mut tasks = JoinSet::new();
        tasks.spawn(keeper.run(changed.subscribe(), CancellationToken::new()));
        let open = Open::listening(100, bounds, Some(tls));
        Self { open, first, files, changed, _keeper: tasks, _folder: folder }
    }

    /// A connection of a client that trusts this certificate alone.
    async fn connect(&self, trusted: &Identity) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(trusted.certificate.clone()).unwrap();
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let stream = TcpStream::connect(self.open.address).await?;
        TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
    }
}

async fn get(stream: &mut TlsStream<TcpStream>) -> String {
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    while !answer.ends_with("0 bytes") {
        let mut bytes = [0; 1024];
        let read = stream.read(&mut bytes).await.unwrap();
        assert!(read > 0, "the connection ended: {answer}");
        answer.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
    }
    answer
}

#[tokio::test]
async fn requests_are_answered_and_an_early_answer_reaches_who_sends_a_long_body() {
    let encrypted = Encrypted::start(Bounds::default());
    let mut stream = encrypted.connect(&encrypted.first).await.unwrap();
    assert!(get(&mut stream).await.starts_with("HTTP/1.1 200 "));
    assert!(get(&mut stream).await.starts_with("HTTP/1.1 200 "));
    let body = "x".repeat(8_000_000);
    let request = format!("POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    // An end without TLS's own (RFC 8446 §6.1) would be an error.
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 401 ") && answer.contains("connection: close"), "{answer}");
}

#[tokio::test]
async fn nothing_is_served_without_a_handshake() {
    let encrypted = Encrypted::start(Bounds { handshake: Duration::from_millis(100), ..Bounds::default() });
    let mut plain = Connection::open(encrypted.open.address).await;
    plain.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut answer = Vec::new();
    let _ = plain.stream.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    let mut silent = Connection::open(encrypted.open.address).await;
    assert_eq!(silent.rest().await, "");
    assert_eq!(encrypted.open.handler.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn files_that_change_are_served_to_new_connections() {
    let encrypted = Encrypted::start(Bounds::default());
    let mut old = encrypted.connect(&encrypted.first).await.unwrap();
    get(&mut old).await;
    let second = identity();
    // One of the two is there before the other: nothing changes.
    write(&encrypted.files, &second, &encrypted.first);
    encrypted.changed.send_replace(());
    encrypted.connect(&encrypted.first).await.unwrap();
    write(&encrypted.files, &second, &second);
    encrypted.changed.send_replace(());
    let served = async {
        while encrypted.connect(&second).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), served).await.expect("the new certificate is served");
    encrypted.connect(&encrypted.first).await.unwrap_err();
    // Who is connected stays so.
    get(&mut old).await;
}

#[test]
fn files_that_do_not_belong_together_are_told_while_they_are_there() {
    crate::crypto::install();
    let folder = tempfile::tempdir().unwrap();
    let (files, first, second) = (files(folder.path()), identity(), identity());
    write(&files, &first, &first);
    let (_tls, mut keeper) = Tls::read(&files).unwrap();
    let unusable = keeper.unusable();
    write(&files, &second, &first);
    for _ in 0..2 {
        keeper.look_and_tell();
        let told = unusable.now().unwrap();
        assert!(told.contains("a restart would fail") && told.contains("`tls.key_file`"), "{told}");
    }
    write(&files, &second, &second);
    keeper.look_and_tell();
    assert_eq!(unusable.now(), None);
}

#[test]
fn files_that_can_not_be_used_stop_the_start_and_are_named() {
    crate::crypto::install();
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    let error = || Tls::read(&files).map(|_| ()).unwrap_err().to_string();
    assert!(error().contains("tls.certificate_file"), "{}", error());
    let (one, other) = (identity(), identity());
    write(&files, &one, &other);
    assert!(error().contains("tls.key_file"), "{}", error());
    std::fs::write(&files.key_file, "nothing").unwrap();
    assert!(error().contains("tls.key_file") && error().contains("PEM"), "{}", error());
}
