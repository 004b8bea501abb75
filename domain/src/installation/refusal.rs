//! Why the installation says no.

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    #[error("this log is bootstrapped already")]
    AlreadyBootstrapped,
    #[error("no such installation")]
    Unknown,
}
