//! Which versions of events the installation's living processes read. A newer one would close what it is about at
//! every process that can't read it, so it is not written while there is one (decision 6).

/// Those who read the log.
pub trait Readers: Send + Sync + 'static {
    /// Somebody who can't read this version of this kind of event.
    fn too_old(&self, kind: &str, version: u32) -> Option<TooOld>;
}

/// A living process that an event is too new for.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{reader} can't read version {version} of {kind}")]
pub struct TooOld {
    /// What people call it.
    pub reader: String,
    /// Such as `key.issued`.
    pub kind: String,
    pub version: u32,
}

/// Nobody else is there.
pub struct Alone;

impl Readers for Alone {
    fn too_old(&self, _: &str, _: u32) -> Option<TooOld> {
        None
    }
}
