//! TLS of the listeners, where this process ends it itself.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::ServeError;
use crate::config::{Config, Tls, TlsFiles};

/// `None`: plain HTTP, on loopback or behind a proxy that ends TLS.
pub(super) fn server(config: &Config) -> Result<Option<Arc<ServerConfig>>, ServeError> {
    match &config.tls {
        None | Some(Tls::Word(_)) => Ok(None),
        Some(Tls::Files(files)) => from_files(files).map(Some),
    }
}

fn from_files(files: &TlsFiles) -> Result<Arc<ServerConfig>, ServeError> {
    let wrong = |key, path: &Path, what: &dyn std::fmt::Display| ServeError::Tls {
        key,
        problem: format!("{}: {what}; accepted: a PEM file", path.display()),
    };
    let certificates = CertificateDer::pem_file_iter(&files.certificate_file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| wrong("tls.certificate_file", &files.certificate_file, &error))?;
    let key = PrivateKeyDer::from_pem_file(&files.key_file)
        .map_err(|error| wrong("tls.key_file", &files.key_file, &error))?;
    let mut server = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(|error| wrong("tls.key_file", &files.key_file, &error))?;
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(server))
}
