//! What a follower gives, decoded and judged.

use std::sync::Arc;

use events::log::{FollowError, Stored};
use events::tlog::Hash;
use events::{Read, SignerSet};

use crate::directory::vouched::Reading;

/// So many messages are worth another thread.
const APART: usize = 64;

/// Messages that were read, and by which keys they were judged.
pub(super) struct Chunk {
    pub judged_by: Arc<SignerSet>,
    pub items: Vec<Result<Decoded, FollowError>>,
    /// Of these, those whose signature control has judged.
    pub vouched: u64,
}

pub(super) struct Decoded {
    pub stored: Stored,
    pub read: Read,
    /// In the log's tree.
    pub leaf: Hash,
}

/// A chunk as it comes in a replay is decoded, and what of it is judged here, by a thread of its own, beside those before
/// and after it: that is most of a replay's work. What comes by and by is decoded here, at once.
pub(super) async fn decode(reading: Reading, chunk: Vec<Result<Stored, FollowError>>) -> Chunk {
    let apart = chunk.len() >= APART;
    let judged_by = reading.now();
    let vouched = chunk.iter().flatten().map(|stored| u64::from(reading.is_vouched(stored))).sum();
    let all = move || {
        let one =
            |stored: Stored| Decoded { read: reading.read(&stored), leaf: Hash::message(&stored), stored };
        chunk.into_iter().map(|stored| stored.map(one)).collect()
    };
    if !apart {
        return Chunk { judged_by, items: all(), vouched };
    }
    let items = tokio::task::spawn_blocking(all)
        .await
        .unwrap_or_else(|error| vec![Err(FollowError::Unavailable(format!("it was not decoded: {error}")))]);
    Chunk { judged_by, items, vouched }
}
