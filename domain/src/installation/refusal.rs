//! Why the installation says no.

use events::{SignerId, SignerPurpose, TokenKeyId};

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    #[error("this log is bootstrapped already")]
    AlreadyBootstrapped,
    #[error("no such installation")]
    Unknown,
    #[error("the {purpose} key before the newest is not retired yet")]
    StillRotating { purpose: SignerPurpose },
    #[error("the log has published another key under this id")]
    SignerExists,
    #[error("the log has published no key {0}")]
    NoSigner(SignerId),
    #[error("it is the only {0} key: publish another one first")]
    OnlySigner(SignerPurpose),
    #[error("an installation publishes at most {0} keys")]
    TooManySigners(usize),
    #[error("the key that signed tokens before the newest is not retired yet")]
    TokenKeyRotating,
    #[error("the log has published another key for tokens under this id")]
    TokenKeyExists,
    #[error("the log has published no key {0} for tokens")]
    NoTokenKey(TokenKeyId),
    #[error("no other key signs tokens yet")]
    OnlyTokenKey,
    #[error("an installation publishes at most {0} keys for tokens")]
    TooManyTokenKeys(usize),
}
