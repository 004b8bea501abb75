//! The one crypto provider, and what is sealed with it.

pub mod aead;

/// Makes aws-lc-rs the process's provider for TLS and tokens. Called first in `main` and in the tests; a
/// second call changes nothing.
pub fn install() {
    // An error means that a provider is installed already: ours, since no other is linked.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
}
