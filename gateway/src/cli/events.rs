//! `keyledger events`: the log itself, one JSON value a line, as the read-only auditor.
//!
//! A line is `{position, stored_at, subject, event}`, where `event` is the stored CloudEvent, byte for byte;
//! sealed text stays sealed. What is no event of ours has `foreign` in its place, and an event that this version
//! can't read has `unreadable` beside it: an auditor misses nothing.

use std::sync::Arc;

use clap::{Args, Subcommand};
use events::clock::{SystemClock, SystemRandom};
use events::log::jetstream::{JetStreamLog, Timeouts};
use events::log::{FollowError, Log, ReadError, Stored};
use events::position::Place;
use events::{LogId, Position, Read, Shard, Signers, Timestamp};
use futures::StreamExt;
use serde::Serialize;
use serde_json::value::RawValue;

use super::Environment;
use super::error::CliError;
use super::output::Output;
use crate::store::checkpoints::Checkpoints;

mod auditor;
mod checkpoint;
pub mod evidence;
mod filter;
mod prove;
pub mod start;
mod verify;

use auditor::Auditor;
use filter::Filter;
use start::From;

#[derive(Debug, Subcommand)]
pub enum Events {
    /// Follow the log: what happens from now on, or from a time or position
    Tail(Tail),
    /// Read the log up to now: from its beginning, or from a time or position
    Replay(Replay),
    /// Read the whole log and check that it holds what only Keyledger could have written
    Verify(verify::Verify),
    /// Print the newest signed checkpoint of the log
    Checkpoint(checkpoint::PrintCheckpoint),
    /// Print the public keys that the log's checkpoints are signed by
    Keys(checkpoint::PrintKeys),
    /// Prove that an event is in the log
    Prove(prove::Prove),
    /// Prove that the log of one checkpoint goes on from that of another
    Consistency(prove::Consistency),
}

#[derive(Debug, Args)]
pub struct Tail {
    /// Begin at a time (2026-11-24T08:00:00Z, by the log's clock) or position
    #[arg(long, value_name = "TIME|POSITION")]
    from: Option<From>,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    auditor: Auditor,
}

#[derive(Debug, Args)]
pub struct Replay {
    /// Begin at a time (2026-11-24T08:00:00Z, by the log's clock) or position
    #[arg(long, value_name = "TIME|POSITION")]
    from: Option<From>,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    auditor: Auditor,
}

impl Events {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        match self {
            Self::Tail(Tail { from, filter, auditor }) => {
                let reader = Reader::open(&auditor, environment).await?;
                let first = match from {
                    Some(from) => from.sequence(&reader.log, reader.id, reader.last).await?,
                    None => reader.last + 1,
                };
                reader.read(first, u64::MAX, &filter, output).await
            }
            Self::Replay(Replay { from, filter, auditor }) => {
                let reader = Reader::open(&auditor, environment).await?;
                let first = match from {
                    Some(from) => from.sequence(&reader.log, reader.id, reader.last).await?,
                    None => 1,
                };
                reader.read(first, reader.last, &filter, output).await
            }
            Self::Verify(verify) => verify.run(environment, output).await,
            Self::Checkpoint(print) => print.run(environment, output).await,
            Self::Keys(print) => print.run(environment, output).await,
            Self::Prove(prove) => prove.run(environment, output).await,
            Self::Consistency(consistency) => consistency.run(environment, output).await,
        }
    }
}

/// The log, and how long it was at the start.
struct Reader {
    log: JetStreamLog,
    id: LogId,
    last: u64,
    signers: Signers,
}

#[derive(Serialize)]
struct Line<'a> {
    position: Position,
    stored_at: Timestamp,
    subject: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'a RawValue>,
    /// Why this version can't read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<String>,
    /// Why it is no event of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    foreign: Option<String>,
}

impl Reader {
    async fn open(auditor: &Auditor, environment: &Environment) -> Result<Self, CliError> {
        let client = auditor.connect(environment).await?;
        let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
        let log = JetStreamLog::open(client, clock, random, Timeouts::default())
            .await
            .map_err(|error| CliError::Unavailable(format!("the event log can't be used: {error}")))?;
        let id = log.id().await.map_err(unread)?;
        let last = log.info().await.map_err(unread)?.last_sequence;
        Ok(Self { log, id, last, signers: Signers::default() })
    }

    /// The log's checkpoints, over the same connection.
    fn checkpoints(&self) -> Checkpoints {
        Checkpoints::new(self.log.client().clone(), Shard::ZERO)
    }

    /// Prints what the filter lets through, from one sequence to another, both included.
    async fn read(
        &self,
        first: u64,
        last: u64,
        filter: &Filter,
        output: &mut Output,
    ) -> Result<(), CliError> {
        if first > last {
            return Ok(());
        }
        let mut messages =
            self.log.follow(place_before(&self.log, self.id, first).await?).await.map_err(unfollowed)?;
        while let Some(message) = messages.next().await {
            let message = message.map_err(unfollowed)?;
            let read = self.signers.read_of(&self.log, &message, self.id).await.map_err(unread)?;
            if let Read::Event(recorded) = &read {
                self.signers.take(recorded);
            }
            if filter.passes(&message.subject) {
                output.json_line(&self.line(&message, &read))?;
            }
            if message.sequence >= last {
                break;
            }
        }
        Ok(())
    }

    fn line<'a>(&self, message: &'a Stored, read: &Read) -> Line<'a> {
        let (unreadable, foreign) = match read {
            Read::Event(_) => (None, None),
            Read::Unreadable(unreadable) => (Some(unreadable.reason.to_string()), None),
            Read::Foreign(foreign) => (None, Some(foreign.reason.to_string())),
        };
        let event = if foreign.is_none() { serde_json::from_slice(&message.payload).ok() } else { None };
        Line {
            position: Position { log: self.id, shard: Shard::ZERO, sequence: message.sequence },
            stored_at: message.stored_at,
            subject: &message.subject,
            event,
            unreadable,
            foreign,
        }
    }
}

/// The place after which the message of this sequence comes.
async fn place_before(log: &dyn Log, id: LogId, first: u64) -> Result<Option<Place>, CliError> {
    let Some(before) = first.checked_sub(1).filter(|before| *before > 0) else { return Ok(None) };
    let message = log.message(before).await.map_err(unread)?;
    let event = message.and_then(|message| message.read(id).event_id());
    Ok(Some(Place { log: id, sequence: before, event }))
}

pub fn unread(error: ReadError) -> CliError {
    match error {
        ReadError::Unavailable(_) => CliError::Unavailable(error.to_string()),
        ReadError::NotBootstrapped | ReadError::ForeignLog(_) => CliError::Refused(error.to_string()),
    }
}

fn unfollowed(error: FollowError) -> CliError {
    match error {
        FollowError::Unavailable(_) => CliError::Unavailable(error.to_string()),
        FollowError::NotBootstrapped | FollowError::Diverged(_) => CliError::Refused(error.to_string()),
    }
}
