//! Which versions of events the installation's living processes read. A newer one would close what it is about at
//! every process that can't read it, so it is not written while there is one (decision 6).

/// Those who read the log.
pub trait Readers: Send + Sync + 'static {
    /// That everybody can read this version of this kind of event.
    fn can_read(&self, kind: &str, version: u32) -> Result<(), Unreadable>;
}

/// Why an event may not be written yet.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unreadable {
    #[error(transparent)]
    TooOld(#[from] TooOld),
    /// This process has just started: ask again.
    #[error("it is not known yet who else reads the log")]
    NotKnown,
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
    fn can_read(&self, _: &str, _: u32) -> Result<(), Unreadable> {
        Ok(())
    }
}
