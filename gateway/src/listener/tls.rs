//! TLS of the listeners, where this process ends it itself. Certificates end and are replaced: files that have
//! changed are served to new connections, and until they can be used the ones before them are.

use std::path::Path;
use std::sync::Arc;

use events::clock::SystemClock;
use events::lasting::{Lasting, Words};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::config::TlsFiles;
use crate::crypto;
use crate::files::{keep_looking, read_regular};

/// What connections are encrypted with.
#[derive(Clone)]
pub struct Tls(watch::Receiver<Arc<ServerConfig>>);

/// Keeps a [`Tls`] as its files are.
pub struct TlsKeeper {
    files: TlsFiles,
    /// What the files held when they were last looked at.
    seen: Pem,
    /// Why that is not what is served.
    problem: Option<String>,
    unusable: Arc<Lasting>,
    serve: watch::Sender<Arc<ServerConfig>>,
}

/// Why the files can't be served.
#[derive(Debug, thiserror::Error)]
#[error("configuration key `{key}`: {problem}; accepted: a PEM file")]
pub struct TlsError {
    key: &'static str,
    problem: String,
}

#[derive(PartialEq, Eq)]
struct Pem {
    certificates: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl Tls {
    pub fn read(files: &TlsFiles) -> Result<(Self, TlsKeeper), TlsError> {
        let seen = Pem::read(files)?;
        let (serve, served) = watch::channel(seen.server(files)?);
        seen.tell_expiry();
        let unusable = Arc::new(Lasting::new(Arc::new(SystemClock), UNUSABLE));
        Ok((Self(served), TlsKeeper { files: files.clone(), seen, problem: None, unusable, serve }))
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.0.borrow()))
    }
}

const UNUSABLE: Words = Words {
    lasts: "the TLS files can't be used; those before them are still served, and a restart would fail",
    ends: "the TLS files can be used again",
};

impl TlsKeeper {
    /// Whether the files that are there can't be used, and why.
    pub fn unusable(&self) -> Arc<Lasting> {
        Arc::clone(&self.unusable)
    }

    /// Until cancelled. `now`: somebody says that the files have changed.
    pub async fn run(mut self, now: watch::Receiver<()>, cancel: CancellationToken) {
        let look = || self.look_and_tell();
        keep_looking(now, cancel, look).await;
    }

    pub(super) fn look_and_tell(&mut self) {
        match self.look() {
            Ok(false) => match &self.problem {
                None => self.unusable.ended(),
                Some(problem) => self.unusable.alarm(problem),
            },
            Ok(true) => {
                self.unusable.ended();
                metrics::counter!("keyledger_tls_reloads_total", "outcome" => "served").increment(1);
                tracing::info!("the TLS files have changed and are served");
            }
            Err(error) => {
                metrics::counter!("keyledger_tls_reloads_total", "outcome" => "refused").increment(1);
                self.unusable.alarm(&error);
            }
        }
    }

    /// Whether other files are served from now on. What can't be used is told once: one of the two may be replaced
    /// before the other.
    fn look(&mut self) -> Result<bool, TlsError> {
        let pem = Pem::read(&self.files)?;
        if pem == self.seen {
            return Ok(false);
        }
        let server = pem.server(&self.files);
        self.seen = pem;
        self.problem = server.as_ref().err().map(TlsError::to_string);
        self.serve.send_replace(server?);
        self.seen.tell_expiry();
        Ok(true)
    }
}

impl Pem {
    fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        let read = |key, path: &Path| read_regular(path).map_err(|error| wrong(key, path, &error));
        Ok(Self {
            certificates: read("tls.certificate_file", &files.certificate_file)?,
            key: Zeroizing::new(read("tls.key_file", &files.key_file)?),
        })
    }

    /// When the first of the certificates that are served ends.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a gauge is a float; seconds since 1970 stay far below 2^53"
    )]
    fn tell_expiry(&self) {
        if let Some(seconds) = crypto::first_expiry(&self.certificates) {
            metrics::gauge!("keyledger_tls_certificate_expiry_timestamp_seconds").set(seconds as f64);
        }
    }

    fn server(&self, files: &TlsFiles) -> Result<Arc<ServerConfig>, TlsError> {
        let certificates = CertificateDer::pem_slice_iter(&self.certificates)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| wrong("tls.certificate_file", &files.certificate_file, &error))?;
        let no_key = |error: &dyn std::fmt::Display| wrong("tls.key_file", &files.key_file, error);
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|error| no_key(&error))?;
        let mut server = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(certificates, key)
            .map_err(|error| no_key(&error))?;
        server.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(server))
    }
}

fn wrong(key: &'static str, path: &Path, what: &dyn std::fmt::Display) -> TlsError {
    TlsError { key, problem: format!("{}: {what}", path.display()) }
}
