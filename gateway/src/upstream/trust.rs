//! Whose word on an upstream's certificate is taken. The installation's own authorities are replaced while it runs: from
//! when their file has changed they count for new connections, and until it can be used those before it do.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use events::clock::SystemClock;
use events::lasting::{Lasting, Words};
use events::server::Authorities;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::watch;
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

use crate::current::Current;
use crate::files::keep_looking;

/// The authorities that every upstream may have its certificate of: the public ones (Mozilla's list), and the
/// installation's beside them.
#[derive(Clone, Debug)]
pub struct Trust(Arc<RootCertStore>);

/// A [`Trust`] as it is now.
#[derive(Clone)]
pub struct TrustNow(Arc<Current<Numbered>>);

struct Numbered {
    trust: Trust,
    /// Another one each time that the authorities have changed.
    number: u64,
}

/// Keeps a [`TrustNow`] as its file is.
pub struct TrustKeeper {
    file: PathBuf,
    /// What the file held when it was last looked at.
    seen: Vec<u8>,
    /// Why that is not what counts.
    problem: Option<String>,
    unusable: Arc<Lasting>,
    now: TrustNow,
}

/// Why there are no authorities of these certificates.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    #[error("it can't be read: {0}")]
    File(#[from] std::io::Error),
    #[error("it can't be read: {0}")]
    Pem(#[from] rustls::pki_types::pem::Error),
    #[error("it holds no certificate")]
    None,
    #[error("certificate {number} is no X.509 certificate")]
    Certificate { number: usize },
}

impl Trust {
    pub fn public() -> Self {
        Self(Arc::new(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }))
    }

    /// With those of a PEM file's text.
    fn with(&self, pem: &[u8]) -> Result<Self, TrustError> {
        let mut store = RootCertStore::clone(&self.0);
        let certificates = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>()?;
        if certificates.is_empty() {
            return Err(TrustError::None);
        }
        add(&mut store, certificates)?;
        Ok(Self(Arc::new(store)))
    }

    /// A server's own authorities, and no others.
    pub fn of(authorities: &Authorities) -> Result<Self, TrustError> {
        let mut store = RootCertStore::empty();
        add(&mut store, authorities.certificates().iter().map(|der| CertificateDer::from_slice(der)))?;
        Ok(Self(Arc::new(store)))
    }

    /// Needs the crypto provider to be installed.
    pub(super) fn connector(&self) -> TlsConnector {
        let mut config =
            ClientConfig::builder().with_root_certificates(Arc::clone(&self.0)).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        TlsConnector::from(Arc::new(config))
    }
}

impl TrustNow {
    /// The public authorities alone.
    pub fn public() -> Self {
        Self::first(Trust::public())
    }

    /// With those of a PEM file beside them.
    pub fn with_file(file: PathBuf) -> Result<(Self, TrustKeeper), TrustError> {
        let seen = std::fs::read(&file)?;
        let now = Self::first(Trust::public().with(&seen)?);
        let unusable = Arc::new(Lasting::new(Arc::new(SystemClock), UNUSABLE));
        Ok((now.clone(), TrustKeeper { file, seen, problem: None, unusable, now }))
    }

    fn first(trust: Trust) -> Self {
        Self(Arc::new(Current::new(Numbered { trust, number: 0 })))
    }

    pub(super) fn number(&self) -> u64 {
        self.0.get().number
    }

    pub(super) fn get(&self) -> Trust {
        self.0.get().trust.clone()
    }

    /// From now on.
    fn set(&self, trust: Trust) {
        self.0.set(Numbered { trust, number: self.number() + 1 });
    }
}

impl fmt::Debug for TrustNow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TrustNow").field(&self.number()).finish()
    }
}

const UNUSABLE: Words = Words {
    lasts: "upstreams.ca_file can't be used; the authorities before it still count, and a restart would fail",
    ends: "upstreams.ca_file can be used again",
};

impl TrustKeeper {
    /// Whether the file that is there can't be used, and why.
    pub fn unusable(&self) -> Arc<Lasting> {
        Arc::clone(&self.unusable)
    }

    /// Until cancelled. `now`: somebody says that the file has changed.
    pub async fn run(mut self, now: watch::Receiver<()>, cancel: CancellationToken) {
        let look = || self.look_and_tell();
        keep_looking(now, cancel, look).await;
    }

    fn look_and_tell(&mut self) {
        match self.look() {
            Ok(false) => match &self.problem {
                None => self.unusable.ended(),
                Some(problem) => self.unusable.alarm(problem),
            },
            Ok(true) => {
                self.unusable.ended();
                metrics::counter!("keyledger_upstream_ca_reloads_total", "outcome" => "used").increment(1);
                tracing::info!("upstreams.ca_file has changed and is used");
            }
            Err(error) => {
                metrics::counter!("keyledger_upstream_ca_reloads_total", "outcome" => "refused").increment(1);
                self.unusable.alarm(&format_args!("{}: {error}", self.file.display()));
            }
        }
    }

    /// Whether other authorities count from now on. What can't be used is told once.
    fn look(&mut self) -> Result<bool, TrustError> {
        let pem = std::fs::read(&self.file)?;
        if pem == self.seen {
            return Ok(false);
        }
        let trust = Trust::public().with(&pem);
        self.seen = pem;
        self.problem = trust.as_ref().err().map(|error| format!("{}: {error}", self.file.display()));
        self.now.set(trust?);
        Ok(true)
    }
}

fn add<'a>(
    store: &mut RootCertStore,
    certificates: impl IntoIterator<Item = CertificateDer<'a>>,
) -> Result<(), TrustError> {
    for (number, certificate) in (1..).zip(certificates) {
        store.add(certificate).map_err(|_| TrustError::Certificate { number })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authority() -> String {
        rcgen::generate_simple_self_signed(["upstream.test".to_owned()]).unwrap().cert.pem()
    }

    fn count(now: &TrustNow) -> usize {
        now.get().0.roots.len()
    }

    #[test]
    fn a_file_that_changes_counts_and_one_that_can_not_be_used_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        assert!(matches!(TrustNow::with_file(file.clone()), Err(TrustError::File(_))));
        std::fs::write(&file, "").unwrap();
        assert!(matches!(TrustNow::with_file(file.clone()), Err(TrustError::None)));
        std::fs::write(&file, authority()).unwrap();
        let (now, mut keeper) = TrustNow::with_file(file.clone()).unwrap();
        let with_one = count(&now);
        assert!(!keeper.look().unwrap());
        for broken in ["nothing", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            std::fs::write(&file, broken).unwrap();
            keeper.look().unwrap_err();
            assert!(!keeper.look().unwrap(), "it is told once");
            assert_eq!((now.number(), count(&now)), (0, with_one));
        }
        std::fs::remove_file(&file).unwrap();
        keeper.look().unwrap_err();
        std::fs::write(&file, authority() + &authority()).unwrap();
        assert!(keeper.look().unwrap());
        assert_eq!((now.number(), count(&now)), (1, with_one + 1));
    }
}
