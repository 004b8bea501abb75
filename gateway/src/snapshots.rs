//! The directory's snapshots: a worker writes one now and then, a node starts from the newest good one and
//! follows the log from its place.
//!
//! Promises: a node believes only what a worker of its installation has signed, of the log that it follows, made
//! by a version that reads the same events; whatever else it finds, it replays the log. Whether the log still is
//! the one that the snapshot is of, the follower finds out at the snapshot's place, as after any restart.

use events::LogId;

use crate::store::snapshots::{Object, ObjectError, Objects};
use crate::vault::{SnapshotKeys, Vault, VaultError};

mod header;
mod load;
mod write;

pub use header::{Header, Unusable};
pub use load::Loader;
pub use write::{Schedule, WriteError, Writer};

/// Of the workers, the one that holds this writes.
pub const LEASE: &str = "snapshots";

/// What objects are named after.
const KIND: &str = "directory";

/// A snapshot is at most this large, in bytes: some 15 million keys.
const MAX_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// Where the keys are that signatures are checked with.
#[derive(Clone)]
pub enum Signers {
    /// The node vault, which holds the public halves.
    Node(Vault),
    /// The people vault, for workers, who may not read the other.
    Worker(Vault),
}

/// A snapshot in the store, and what it says of itself once that is checked.
pub struct Found {
    pub object: Object,
    pub header: Result<Header, Unusable>,
}

impl Signers {
    /// The vault itself.
    pub fn vault(&self) -> &Vault {
        match self {
            Self::Node(vault) | Self::Worker(vault) => vault,
        }
    }

    pub async fn keys(&self) -> Result<SnapshotKeys, VaultError> {
        match self {
            Self::Node(vault) => SnapshotKeys::load(vault).await,
            Self::Worker(vault) => SnapshotKeys::of_worker(vault).await,
        }
    }
}

/// Every snapshot: those that can be used first, the newest before the others.
pub async fn list(objects: &Objects, keys: &SnapshotKeys, log: LogId) -> Result<Vec<Found>, ObjectError> {
    let found = objects.list().await?.into_iter().map(|object| {
        let header = header::verify(&object, keys, log);
        Found { object, header }
    });
    let mut found: Vec<_> = found.collect();
    found.sort_by_key(|found| {
        let order = found.header.as_ref().ok().map(|header| (header.place.sequence, header.written_at));
        std::cmp::Reverse(order)
    });
    Ok(found)
}
