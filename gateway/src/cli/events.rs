//! `keyledger events`: the log itself, read as the read-only auditor; `list` and `follow` ask the admin API instead.
//!
//! By default a line is `{position, stored_at, subject, event}`, where `event` is the stored CloudEvent, byte for byte;
//! sealed text stays sealed. What is no event of ours has `foreign` in its place and the message in base64 as `payload`, and
//! an event that this version can't read has `unreadable` beside it: an auditor misses nothing, and what is written proves
//! as much as the log itself (`events verify --export`).

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};
use events::clock::{SystemClock, SystemRandom};
use events::log::jetstream::{JetStreamLog, Timeouts};
use events::log::{FollowError, Log, ReadError};
use events::position::Place;
use events::{LogId, Position, Read, Shard, Signers};
use futures::StreamExt;

use super::Environment;
use super::error::CliError;
use super::length::Length;
use super::output::Output;
use crate::order::Chains;
use crate::record::Record;
use crate::store::checkpoints::Checkpoints;

pub mod answer;
mod auditor;
mod checkpoint;
mod cosign;
pub mod evidence;
mod filter;
pub mod history;
mod line;
mod prove;
mod sink;
pub mod start;
pub mod verify;

use auditor::Auditor;
use filter::Filter;
use line::Format;
use sink::Sink;
use start::{From, in_order};

#[derive(Debug, Subcommand)]
pub enum Events {
    /// List what happened anywhere, as the admin API tells it, with names and reasons
    List(history::List),
    /// Follow what happens anywhere, as the admin API tells it, with names and reasons
    Follow(history::Follow),
    /// Follow the log: what happens from now on, or from a time or place
    Tail(Tail),
    /// Read the log up to now: from its beginning, or from a time or place
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
    /// Hand a witness the newest checkpoint, and print it with the witness's word
    Cosign(cosign::Cosign),
}

#[derive(Debug, Args)]
pub struct Tail {
    /// Begin at a time (2026-11-24T08:00:00Z, by the log's clock), position or sequence
    #[arg(long, value_name = "TIME|POSITION|SEQUENCE")]
    from: Option<From>,
    /// How each is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    auditor: Auditor,
}

#[derive(Debug, Args)]
pub struct Replay {
    /// Begin at a time (2026-11-24T08:00:00Z, by the log's clock), position or sequence
    #[arg(long, value_name = "TIME|POSITION|SEQUENCE", conflicts_with = "last")]
    from: Option<From>,
    /// End before a time, or with a position or sequence
    #[arg(long, value_name = "TIME|POSITION|SEQUENCE")]
    to: Option<From>,
    /// Begin so long ago: 30s, 15m, 1h, 7d
    #[arg(long, value_name = "TIME")]
    last: Option<Length>,
    /// How each is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Write into this file, in place of what was in it
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    auditor: Auditor,
}

impl Events {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        match self {
            Self::List(list) => list.run(environment, output).await,
            Self::Follow(follow) => follow.run(environment, output).await,
            Self::Tail(Tail { from, format, filter, auditor }) => {
                let reader = Reader::open(&auditor, environment).await?;
                let first = match from {
                    Some(from) => reader.there(from).await?,
                    None => reader.last + 1,
                };
                reader.read(first, u64::MAX, &filter, Sink::text(format, output)?).await.map(|_| ())
            }
            Self::Replay(Replay { from, to, last, format, output: file, filter, auditor }) => {
                in_order(from.or(last.map(|last| From::Time(last.ago()))), to)?;
                let reader = Reader::open(&auditor, environment).await?;
                let first = match (from, last) {
                    (Some(from), _) => reader.there(from).await?,
                    (None, Some(last)) => reader.sequence(From::Time(last.ago())).await?,
                    (None, None) => 1,
                };
                let end = match to {
                    Some(From::Time(time)) => reader.sequence(From::Time(time)).await?.saturating_sub(1),
                    Some(place) => reader.sequence(place).await?.min(reader.last),
                    None => reader.last,
                };
                let mut own = file.as_deref().map(Output::file).transpose()?;
                let sink = match (format, &file) {
                    (Format::Parquet, Some(file)) => Sink::table(reader.id, file, output)?,
                    (format, _) => Sink::text(format, own.as_mut().unwrap_or(output))?,
                };
                if reader.read(first, end, &filter, sink).await? == 0 {
                    output.note(NOTHING);
                }
                Ok(())
            }
            Self::Verify(verify) => verify.run(environment, output).await,
            Self::Checkpoint(print) => print.run(environment, output).await,
            Self::Keys(print) => print.run(environment, output).await,
            Self::Prove(prove) => prove.run(environment, output).await,
            Self::Cosign(cosign) => cosign.run(environment, output).await,
            Self::Consistency(consistency) => consistency.run(environment, output).await,
        }
    }
}

/// Nothing was printed: it is not that nobody has asked.
const NOTHING: &str = "nothing matched: no event of the log in this stretch is what was asked for";

/// The log, and how long it was at the start.
struct Reader {
    log: JetStreamLog,
    id: LogId,
    last: u64,
    signers: Signers,
}

impl Reader {
    async fn sequence(&self, place: From) -> Result<u64, CliError> {
        place.sequence(&self.log, self.id, self.last).await
    }

    /// Where to begin. A place beyond the end is told: nothing would be shown, as if nothing had happened.
    async fn there(&self, from: From) -> Result<u64, CliError> {
        let first = self.sequence(from).await?;
        if first <= self.last {
            return Ok(first);
        }
        let newest = self.log.message(self.last).await.map_err(unread)?;
        let stored_at = newest.map_or_else(|| "nothing".to_owned(), |newest| newest.stored_at.to_string());
        let end = Position { log: self.id, shard: Shard::ZERO, sequence: self.last };
        Err(CliError::Refused(format!(
            "this place lies beyond the end of the log: its newest event is {end}, stored at {stored_at}"
        )))
    }

    async fn open(auditor: &Auditor, environment: &Environment) -> Result<Self, CliError> {
        Self::over(auditor.connect(environment).await?).await
    }

    async fn over(client: crate::store::Client) -> Result<Self, CliError> {
        Self::of(log_over(client).await?).await.map_err(unread)
    }

    async fn of(log: JetStreamLog) -> Result<Self, ReadError> {
        let id = log.id().await?;
        let last = log.info().await?.last_sequence;
        Ok(Self { log, id, last, signers: Signers::default() })
    }

    /// The log's checkpoints, over the same connection.
    fn checkpoints(&self) -> Checkpoints {
        Checkpoints::new(self.log.client().clone(), Shard::ZERO)
    }

    /// Prints what the filter lets through, from one sequence to another, both included; and says how many that were.
    async fn read(
        &self,
        first: u64,
        last: u64,
        filter: &Filter,
        mut sink: Sink<'_>,
    ) -> Result<u64, CliError> {
        let mut count = 0;
        if first > last {
            sink.end()?;
            return Ok(count);
        }
        let mut messages =
            self.log.follow(place_before(&self.log, self.id, first).await?).await.map_err(unfollowed)?;
        let mut chains = Chains::from(first);
        while let Some(message) = messages.next().await {
            let message = message.map_err(unfollowed)?;
            let read = self.signers.read_of(&self.log, &message, self.id).await.map_err(unread)?;
            let read = chains.take(&self.log, &self.signers, self.id, read).await.map_err(unread)?;
            if let Read::Event(recorded) = &read {
                self.signers.take(recorded);
            }
            if filter.passes(&message.subject, &read) {
                sink.write(&Record { log: self.id, stored: &message, read: &read })?;
                count += 1;
            }
            if message.sequence >= last {
                break;
            }
        }
        sink.end()?;
        Ok(count)
    }
}

async fn log_over(client: crate::store::Client) -> Result<JetStreamLog, CliError> {
    JetStreamLog::open(client, Arc::new(SystemClock), Arc::new(SystemRandom), Timeouts::default())
        .await
        .map_err(|error| CliError::Unavailable(format!("the event log can't be used: {error}")))
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
