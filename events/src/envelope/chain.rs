//! One object's events in their order, for whoever reads them one by one and keeps nothing else of the object.

use super::{Read, UnreadableReason};
use crate::id::EventId;

/// How far an object's events have come: which is the newest, and whether one could not be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Chain {
    newest: Option<EventId>,
    /// The sequence of the first message that could not be read, or was out of place.
    closed_by: Option<u64>,
}

impl Chain {
    /// What the object's next message is after those that were taken. What comes after one that can't be read is obeyed by
    /// nobody, as long as that one can't be read.
    pub fn take(&mut self, read: Read) -> Read {
        let read = match (self.closed_by, read) {
            (Some(by), Read::Event(recorded)) => recorded.not_obeyed(UnreadableReason::Follows(by)),
            (Some(_) | None, read) => read.after(self.newest),
        };
        match &read {
            Read::Event(recorded) => self.newest = Some(recorded.envelope.id),
            Read::Unreadable(unreadable) => {
                self.closed_by.get_or_insert(unreadable.position.sequence);
            }
            Read::Foreign(_) => {}
        }
        read
    }
}
