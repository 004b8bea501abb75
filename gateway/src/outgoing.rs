//! HTTP and TLS to where the operator's configuration says: a SIEM, storage. Nobody else names such an address, so
//! unlike an upstream's (`upstream::guard`) it may be private.
//!
//! It promises: no proxy from the environment, no redirect followed, a bound on the time and on what is read of an
//! answer.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use events::Timestamp;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

/// Who calls.
pub const USER_AGENT: &str = concat!("keyledger/", env!("CARGO_PKG_VERSION"));

/// Of an answer so much is read, unless more is asked for; in bytes.
const LONGEST_ANSWER: usize = 64 * 1024;

/// A way out, with a pool of connections.
#[derive(Clone)]
pub struct Outgoing {
    http: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    timeout: Duration,
    longest: usize,
}

/// A file of certificates or of a key that can't be used.
#[derive(Debug, thiserror::Error)]
#[error("the file {path} can't be used: {problem}")]
pub struct PemError {
    pub path: PathBuf,
    pub problem: String,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum OutgoingError {
    #[error("no answer within {0} ms")]
    Timeout(u128),
    #[error("no answer: {0}")]
    Broken(String),
    #[error("the answer is longer than {0} bytes")]
    Long(usize),
}

/// TLS with the public authorities and those of a file; `identity` is what this side shows of itself: the files of a
/// certificate and of its key. Needs the crypto provider to be installed.
pub fn tls(ca_file: Option<&Path>, identity: Option<(&Path, &Path)>) -> Result<ClientConfig, PemError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = ca_file {
        for certificate in certificates(path)? {
            roots.add(certificate).map_err(|error| unusable(path, &error))?;
        }
    }
    let config = ClientConfig::builder().with_root_certificates(roots);
    let Some((certificate, key)) = identity else { return Ok(config.with_no_client_auth()) };
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, &error))?;
    config
        .with_client_auth_cert(certificates(certificate)?, private)
        .map_err(|error| unusable(certificate, &error))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(found) if found.is_empty() => Err(unusable(path, &"it holds no certificate")),
        Ok(found) => Ok(found),
        Err(error) => Err(unusable(path, &error)),
    }
}

fn unusable(path: &Path, problem: &dyn std::fmt::Display) -> PemError {
    PemError { path: path.to_owned(), problem: problem.to_string() }
}

impl Outgoing {
    /// `timeout`: for one request and its answer.
    pub fn new(tls: ClientConfig, timeout: Duration) -> Self {
        let https = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .build();
        Self { http: Client::builder(TokioExecutor::new()).build(https), timeout, longest: LONGEST_ANSWER }
    }

    /// The same, which reads so much of an answer.
    #[must_use]
    pub fn reading(self, longest: usize) -> Self {
        Self { longest, ..self }
    }

    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, OutgoingError> {
        let answered = async {
            let answer = self.http.request(request).await.map_err(|error| broken(&error))?;
            let (parts, body) = answer.into_parts();
            let body = Limited::new(body, self.longest).collect().await;
            let body = body.map_err(|error| match error.downcast::<hyper::Error>() {
                Ok(error) => broken(&*error),
                Err(_) => OutgoingError::Long(self.longest),
            })?;
            Ok(Response::from_parts(parts, body.to_bytes()))
        };
        let bound = tokio::time::timeout(self.timeout, answered).await;
        bound.unwrap_or_else(|_| Err(OutgoingError::Timeout(self.timeout.as_millis())))
    }
}

/// What `Retry-After` asks for (RFC 9110 §10.2.3).
pub fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = httpdate::parse_http_date(value).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    let now = Duration::from_millis(u64::try_from(now.unix_millis()).ok()?);
    Some(at.saturating_sub(now))
}

/// The reason at the bottom.
fn broken(error: &dyn std::error::Error) -> OutgoingError {
    let mut cause = error;
    while let Some(reason) = cause.source() {
        cause = reason;
    }
    OutgoingError::Broken(cause.to_string())
}

/// TLS for what is no HTTP.
pub fn connector(tls: ClientConfig) -> tokio_rustls::TlsConnector {
    tokio_rustls::TlsConnector::from(Arc::new(tls))
}

/// The beginning of an answer, for an error: it came from elsewhere.
pub fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(1_000)]);
    let shown = text.chars().filter(|c| !c.is_control()).take(200).collect::<String>();
    if shown.is_empty() { "no words".to_owned() } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_asked_for_in_seconds_or_as_a_date() {
        let now: Timestamp = "2026-11-30T00:00:00Z".parse().unwrap();
        assert_eq!(retry_after(" 120 ", now), Some(Duration::from_secs(120)));
        assert_eq!(retry_after("Mon, 30 Nov 2026 00:01:00 GMT", now), Some(Duration::from_secs(60)));
        assert_eq!(retry_after("Mon, 30 Nov 2020 00:01:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(retry_after("soon", now), None);
    }
}
