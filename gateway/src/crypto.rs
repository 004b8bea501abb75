//! The one crypto provider, and what is sealed with it.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

pub mod aead;

/// Makes aws-lc-rs the process's provider for TLS and tokens. Called first in `main` and in the tests; a
/// second call changes nothing.
pub fn install() {
    // An error means that a provider is installed already: ours, since no other is linked.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
}

/// When the first of a PEM file's certificates ends, in seconds since 1970. `None`: there is none that can be read.
pub fn first_expiry(pem: &[u8]) -> Option<i64> {
    let certificates = CertificateDer::pem_slice_iter(pem).filter_map(Result::ok);
    let ends = certificates.filter_map(|certificate| {
        let (_, certificate) = x509_parser::parse_x509_certificate(&certificate).ok()?;
        Some(certificate.validity().not_after.timestamp())
    });
    ends.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_certificate_that_ends_is_told() {
        let until = |year| {
            let mut params = rcgen::CertificateParams::new(["one.test".to_owned()]).unwrap();
            params.not_after = rcgen::date_time_ymd(year, 3, 1);
            params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem()
        };
        let chain = until(2031) + &until(2029);
        assert_eq!(first_expiry(chain.as_bytes()), Some(rcgen::date_time_ymd(2029, 3, 1).unix_timestamp()));
        assert_eq!(first_expiry(b"nothing"), None);
    }
}
