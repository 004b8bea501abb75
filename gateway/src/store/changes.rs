//! Every change of a bucket in its order, followed through a pull consumer that lives as long as one connection.
//!
//! It begins with what the bucket holds. A value that was replaced before it was delivered is never seen: its
//! successor is, and the sequences show a gap. Whatever else is strange ends it: open another.

use std::time::Duration;

use bytes::Bytes;
use events::log::jetstream::{Follow, Pull, Pulled};

use super::bucket::{Bucket, BucketError};

/// How many changes are asked for ahead.
const AHEAD: u64 = 500;
const HEARTBEAT: Duration = Duration::from_millis(1_500);
/// The server forgets what follows when nobody asked for so long.
const LASTS: Duration = Duration::from_secs(60);
const TIMEOUT: Duration = Duration::from_secs(5);

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The entry, such as `member.<id>`.
    pub key: String,
    /// The bucket's sequence.
    pub revision: u64,
    /// `None`: the entry was deleted.
    pub value: Option<Bytes>,
}

/// The changes of one bucket.
pub struct Changes {
    bucket: Bucket,
    pull: Pull,
}

impl Changes {
    pub async fn open(bucket: &Bucket) -> Result<Self, BucketError> {
        let wire = bucket.stream().wire();
        let follow = Follow {
            stream: bucket.stream().name().to_owned(),
            from: 1,
            name: "changes",
            description: "follows the bucket's changes",
            ahead: AHEAD,
            heartbeat: HEARTBEAT,
            lasts: LASTS,
            timeout: TIMEOUT,
        };
        let pull = Pull::open(wire, wire.connection(), follow).await;
        let pull = pull.map_err(|error| bucket.failed(error.into()))?;
        Ok(Self { bucket: bucket.clone(), pull })
    }

    /// The next change. An error ends it.
    pub async fn next(&mut self) -> Result<Change, BucketError> {
        let pulled = self.pull.next().await.map_err(|ended| self.bucket.unavailable(ended))?;
        let Pulled { subject, payload, headers, delivery } = pulled;
        let Some((_, key)) = subject.split_once(&format!("$KV.{}.", self.bucket.name())) else {
            return Err(self.bucket.unavailable(format!("a change of no entry, at `{subject}`")));
        };
        // ADR-8: a deleted or purged entry is a message with its operation.
        let deleted = headers.is_some_and(|headers| headers.get("KV-Operation").is_some());
        let value = (!deleted).then_some(payload);
        Ok(Change { key: key.to_owned(), revision: delivery.stream_sequence, value })
    }
}
