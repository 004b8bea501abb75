//! Whose word on an upstream's certificate is taken.

use std::path::Path;
use std::sync::Arc;

use events::server::Authorities;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

/// The authorities that every upstream may have its certificate of: the public ones (Mozilla's list), and the
/// installation's beside them.
#[derive(Clone, Debug)]
pub struct Trust(Arc<RootCertStore>);

/// Why there are no authorities of these certificates.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
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

    /// With those of a PEM file.
    pub fn with_file(&self, path: &Path) -> Result<Self, TrustError> {
        let mut store = RootCertStore::clone(&self.0);
        let certificates = CertificateDer::pem_file_iter(path)?.collect::<Result<Vec<_>, _>>()?;
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

fn add<'a>(
    store: &mut RootCertStore,
    certificates: impl IntoIterator<Item = CertificateDer<'a>>,
) -> Result<(), TrustError> {
    for (number, certificate) in (1..).zip(certificates) {
        store.add(certificate).map_err(|_| TrustError::Certificate { number })?;
    }
    Ok(())
}
