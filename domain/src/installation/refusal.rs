//! Why the installation says no.

use events::{SignerId, SignerPurpose};

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
}
