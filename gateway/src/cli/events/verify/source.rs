//! Where a verification's messages come from: the log itself, or what was taken out of it.

use events::log::Stored;
use events::log::jetstream::JetStreamLog;

use super::export::Export;
use super::tiles::Entries;
use crate::cli::error::CliError;
use crate::cli::events::unread;

/// Messages in the log's order.
pub enum Source<'a> {
    /// The log, up to this sequence.
    Log(&'a JetStreamLog, u64),
    /// What `events replay` wrote.
    Export(Export),
    /// The entries below a copy of `/tlog`.
    Entries(Entries),
}

impl Source<'_> {
    /// Where it ends, where that is known before.
    pub fn last(&self) -> Option<u64> {
        match self {
            Self::Log(_, last) => Some(*last),
            Self::Export(_) | Self::Entries(_) => None,
        }
    }

    /// Some that come next, `from` being the next sequence of the log; none: that was all.
    pub async fn next(&mut self, from: u64) -> Result<Vec<Stored>, CliError> {
        match self {
            Self::Log(_, last) if from > *last => Ok(Vec::new()),
            Self::Log(log, last) => {
                let mut messages = log.scan(from).await.map_err(unread)?;
                messages.retain(|message| message.sequence <= *last);
                Ok(messages)
            }
            Self::Export(export) => export.next(),
            Self::Entries(entries) => entries.next(),
        }
    }
}
