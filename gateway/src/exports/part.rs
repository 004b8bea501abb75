//! A part of the log, as one file holds it.

use bytes::Bytes;
use events::log::{Follower, Stored};
use events::tlog::{Hash, Tree};
use events::{EventId, LogId, Timestamp};
use futures::StreamExt;

use super::ExportError;
use super::content::{self, Content};
use crate::order::Doubts;
use crate::record::Record;

pub(super) struct Part {
    pub first: u64,
    pub last: u64,
    /// Of the last message.
    pub event: Option<EventId>,
    pub stored_at: Timestamp,
    /// Of all messages before the first.
    pub before: Tree,
    /// Of all messages up to the last.
    pub tree: Tree,
    /// The file.
    pub bytes: Bytes,
}

/// Where a part is read from.
pub(super) struct Source<'a> {
    pub log: LogId,
    pub messages: &'a mut Follower,
    pub doubts: &'a mut Doubts,
}

impl Part {
    /// Reads on after the tree's end, up to a message, or until there are so many bytes of them.
    pub async fn read(
        source: &mut Source<'_>,
        before: Tree,
        content: Content,
        (last, max_bytes): (u64, u64),
    ) -> Result<Self, ExportError> {
        let Source { log, messages, doubts } = source;
        let log = *log;
        let mut tree = before.clone();
        let mut writer = content.writer(log)?;
        let mut bytes = 0;
        loop {
            let stored = next(messages, tree.size()).await?;
            tree.push(Hash::message(&stored));
            bytes += (stored.subject.len() + stored.payload.len()) as u64;
            let read = doubts.read(&stored).await?;
            let problem = Record { log, stored: &stored, read: &read }.problem();
            writer.push(stored.sequence, &stored.subject, &stored.payload, problem.as_deref())?;
            if stored.sequence >= last || bytes >= max_bytes {
                return Ok(Self {
                    first: before.size() + 1,
                    last: stored.sequence,
                    event: read.event_id(),
                    stored_at: stored.stored_at,
                    before,
                    tree,
                    bytes: writer.finish()?.into(),
                });
            }
        }
    }

    /// Whether a file that is there holds the same messages; it may have been compressed by another version.
    pub fn is_held_by(&self, found: &[u8], content: Content, log: LogId) -> bool {
        let mut tree = self.before.clone();
        let read = content::read(Bytes::copy_from_slice(found), content, log, self.first, &mut |held| {
            tree.push(held.leaf)
        });
        read.is_ok() && tree == self.tree
    }
}

/// The next message; the log has no gap.
pub(super) async fn next(follower: &mut Follower, before: u64) -> Result<Stored, ExportError> {
    let stored = follower.next().await.ok_or_else(|| ExportError::Log("the follower ended".to_owned()))??;
    if stored.sequence == before + 1 {
        return Ok(stored);
    }
    let found = stored.sequence;
    Err(ExportError::Diverged(format!("message {found} follows message {before} of the log")))
}
