//! `keyledger events verify`: exit code 0 when all is good, 1 when something was found, 3 when the log could not
//! be read to its end.

use std::time::Duration;

use clap::Args;
use events::clock::{Clock, SystemClock};
use serde_json::{Value, json};

use super::auditor::Auditor;
use super::{Reader, unread};
use crate::cli::Environment;
use crate::cli::error::CliError;
use crate::cli::output::{Column, Output, text};
use crate::verify::{Check, Report, Verifier};

/// Holds every aggregate in memory, as a command would load it.
#[derive(Debug, Args)]
pub struct Verify {
    /// Print JSON
    #[arg(long)]
    json: bool,
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
        let report = read(&reader, output).await.map_err(unread_whole)?;
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

/// Everything up to where the log was at the start.
async fn read(reader: &Reader, output: &mut Output) -> Result<Report, CliError> {
    let mut verifier = Verifier::new(reader.id);
    let started = SystemClock.instant();
    let mut told = started;
    while verifier.next() <= reader.last {
        let messages = reader.log.scan(verifier.next()).await.map_err(unread)?;
        if messages.is_empty() {
            break;
        }
        messages
            .iter()
            .take_while(|message| message.sequence <= reader.last)
            .for_each(|message| verifier.take(message));
        if messages.last().is_some_and(|message| message.sequence > reader.last) {
            break;
        }
        if told.elapsed() >= TELL_EVERY {
            told = SystemClock.instant();
            let done = verifier.next() - 1;
            let rate = done as f64 / started.elapsed().as_secs_f64();
            output.note(format!("{done} of {} events, {rate:.0} a second", reader.last));
        }
    }
    Ok(verifier.end(reader.last))
}

fn tell(report: &Report, output: &mut Output) -> Result<(), CliError> {
    output.line(format!(
        "log {}: {} messages of {} aggregates, up to sequence {}",
        report.log, report.messages, report.aggregates, report.last_sequence
    ))?;
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
