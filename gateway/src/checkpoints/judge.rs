//! Judging signatures as the keeper reads: on threads of their own while it catches up, and not again what a checkpoint
//! of before says was judged.

use std::sync::Arc;

use events::log::{FollowError, Stored};
use events::tlog::{Checkpoint, Hash, Unsigned};
use events::{LogId, Read, SignerSet, Signers};

/// Chunks that are judged at once, at most.
pub(super) const AT_ONCE: usize = 4;

/// So many messages are worth another thread.
const APART: usize = 64;

#[derive(Clone)]
pub(super) struct Judge {
    pub log: LogId,
    pub signers: Arc<Signers>,
    /// What it covers was judged by whoever signed it: a key of this log's checkpoints.
    pub before: Option<Arc<Checkpoint>>,
}

/// Messages that were judged, and by which keys.
pub(super) struct Chunk {
    pub judged_by: Arc<SignerSet>,
    pub items: Vec<Result<Judged, FollowError>>,
}

pub(super) struct Judged {
    pub stored: Stored,
    /// In the log's tree.
    pub leaf: Hash,
    /// It is an event that a writer of the log has signed.
    pub good: bool,
}

impl Judge {
    pub fn is_good(&self, stored: &Stored) -> bool {
        match self.before.as_deref() {
            // Where so many are bad nothing is told of a single one, from here on.
            Some(Checkpoint { unsigned: Unsigned::Many, .. }) => true,
            Some(before) if stored.sequence <= before.size => before.unsigned.vouches_for(stored.sequence),
            Some(_) | None => matches!(self.signers.read(stored, self.log), Read::Event(_)),
        }
    }
}

pub(super) async fn judged(judge: Judge, chunk: Vec<Result<Stored, FollowError>>) -> Chunk {
    let apart = chunk.len() >= APART;
    let judged_by = judge.signers.now();
    let all = move || {
        let one =
            |stored: Stored| Judged { leaf: Hash::message(&stored), good: judge.is_good(&stored), stored };
        chunk.into_iter().map(|stored| stored.map(one)).collect()
    };
    if !apart {
        return Chunk { judged_by, items: all() };
    }
    let items = tokio::task::spawn_blocking(all)
        .await
        .unwrap_or_else(|error| vec![Err(FollowError::Unavailable(format!("it was not judged: {error}")))]);
    Chunk { judged_by, items }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_judged_before_is_not_judged_again() {
        let stored = |sequence| Stored {
            sequence,
            subject: "kl.events.0._.key.one".to_owned(),
            stored_at: events::Timestamp::UNIX_EPOCH,
            payload: "nonsense".into(),
        };
        let good = |unsigned| {
            let before = Checkpoint { origin: "one".to_owned(), size: 3, root: Hash::empty(), unsigned };
            let signers = Arc::new(Signers::default());
            let judge = Judge { log: LogId::new(uuid::Uuid::nil()), signers, before: Some(Arc::new(before)) };
            [1, 2, 3, 4].map(|sequence| judge.is_good(&stored(sequence)))
        };
        assert_eq!(good(Unsigned::none()), [true, true, true, false]);
        assert_eq!(good(Unsigned::These(vec![2])), [true, false, true, false]);
        assert_eq!(good(Unsigned::Many), [true; 4]);
        assert_eq!(good(Unsigned::Untold), [false; 4]);
    }
}
