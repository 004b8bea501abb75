//! `keyledger events verify`: exit code 0 when all is good, 1 when something was found, 3 when the log could not
//! be read to its end.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use events::clock::{Clock, SystemClock};
use events::log::jetstream::JetStreamLog;
use events::tlog::origin;
use events::{Recorded, Shard};
use serde_json::{Value, json};
use url::Url;

use super::auditor::Auditor;
use super::evidence::{KeysFile, Stored, open, read_checkpoint, stored};
use super::{Reader, unread};
use crate::cli::Environment;
use crate::cli::error::CliError;
use crate::cli::output::{Column, Output, text};
use crate::verify::{Check, Known, Report, Verifier};
use crate::witness::Remote;

/// Holds every aggregate in memory, as a command would load it.
#[derive(Debug, Args)]
pub struct Verify {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// The log must go on from this checkpoint, which was kept elsewhere; several times, for several
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    /// The log must go on from what this witness has cosigned last (`keyledger witness`)
    #[arg(long, value_name = "URL")]
    witness: Vec<Url>,
    #[command(flatten)]
    keys: KeysFile,
    #[command(flatten)]
    auditor: Auditor,
}

const TELL_EVERY: Duration = Duration::from_secs(3);

const FINDINGS: &[Column] = &[
    Column { head: "SEQUENCE", cell: |item| text(item, "sequence") },
    Column { head: "CHECK", cell: |item| text(item, "check") },
    Column { head: "PROBLEM", cell: |item| text(item, "problem") },
    Column { head: "SUBJECT", cell: |item| text(item, "subject") },
];

impl Verify {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let reader = Reader::open(&self.auditor, environment).await.map_err(unread_whole)?;
        let keys = self.keys.of_log(&reader.log, reader.id).await.map_err(unread_whole)?;
        let origin = origin(reader.id, Shard::ZERO);
        let Stored { mut known, refused } =
            stored(&reader.checkpoints(), &origin, &keys).await.map_err(unread_whole)?;
        for file in &self.checkpoint {
            let (_, checkpoint) = read_checkpoint(file, &origin, &keys)?;
            known.push(Known { checkpoint, place: file.display().to_string() });
        }
        for url in self.witness {
            let remote = Remote::new(url);
            let place = format!("the witness at {}", remote.url());
            let newest = remote.newest(&origin).await;
            let newest = newest.map_err(|error| CliError::Unavailable(error.to_string()))?;
            let note = newest.ok_or_else(|| {
                CliError::Unavailable(format!("{place} has cosigned no checkpoint of this log"))
            })?;
            let (_, checkpoint) = open(&note.to_string(), &origin, &keys, &place)?;
            known.push(Known { checkpoint, place });
        }
        let mut verifier = Verifier::new(reader.id, known);
        refused.into_iter().for_each(|(at, problem)| verifier.refuse_checkpoint(at, problem));
        let report = read(&reader.log, reader.last, verifier, drop, output).await.map_err(unread_whole)?;
        if self.json {
            output.json(&report)?;
        } else {
            tell(&report, output)?;
        }
        if report.good {
            return Ok(());
        }
        Err(CliError::Refused(format!(
            "{} in the log, of: {}",
            if report.total() == 1 { "1 finding".to_owned() } else { format!("{} findings", report.total()) },
            report.counts.keys().copied().collect::<Vec<_>>().join(", ")
        )))
    }
}

/// Only findings end with 1: that the log refuses the auditor, or is none, tells nothing of what is in it.
fn unread_whole(error: CliError) -> CliError {
    match error {
        CliError::Refused(said) => CliError::Unavailable(said),
        error @ (CliError::Usage(_)
        | CliError::Problem(_)
        | CliError::Unavailable(_)
        | CliError::Config(_)
        | CliError::Output(_)
        | CliError::NotProven(_)) => error,
    }
}

/// Checks everything up to this sequence, and hands over each event that a writer signed and that can be read.
pub async fn read(
    log: &JetStreamLog,
    last: u64,
    mut verifier: Verifier,
    mut take: impl FnMut(Box<Recorded>),
    output: &mut Output,
) -> Result<Report, CliError> {
    let started = SystemClock.instant();
    let mut told = started;
    while verifier.next() <= last {
        let messages = log.scan(verifier.next()).await.map_err(unread)?;
        if messages.is_empty() {
            break;
        }
        messages
            .iter()
            .take_while(|message| message.sequence <= last)
            .filter_map(|message| verifier.take(message))
            .for_each(&mut take);
        if messages.last().is_some_and(|message| message.sequence > last) {
            break;
        }
        if told.elapsed() >= TELL_EVERY {
            told = SystemClock.instant();
            let done = verifier.next() - 1;
            let rate = done as f64 / started.elapsed().as_secs_f64();
            output.note(format!("{done} of {} events, {rate:.0} a second", last));
        }
    }
    Ok(verifier.end(last))
}

fn tell(report: &Report, output: &mut Output) -> Result<(), CliError> {
    output.line(format!(
        "log {}: {} messages of {} aggregates, up to sequence {}",
        report.log, report.messages, report.aggregates, report.last_sequence
    ))?;
    match &report.checkpoint {
        Some(agreed) => output.line(format!(
            "it is the log of the checkpoint of {} messages that {} holds",
            agreed.size, agreed.place
        ))?,
        None => output
            .line("no checkpoint that it agrees with is known: nothing but its own words vouches for it")?,
    }
    for check in Check::ALL {
        let found = report.counts.get(check.as_str()).map_or_else(|| "good".to_owned(), u64::to_string);
        output.line(format!("  {:<12} {found}", check.as_str()))?;
    }
    if report.findings.is_empty() {
        return Ok(());
    }
    output.line("")?;
    let findings: Vec<Value> = report.findings.iter().map(|finding| json!(finding)).collect();
    output.table(FINDINGS, &findings)?;
    let more = report.total() - report.findings.len() as u64;
    if more > 0 {
        output.line(format!("and {more} more"))?;
    }
    Ok(())
}
