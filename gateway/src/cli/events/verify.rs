//! `keyledger events verify`: exit code 0 when all is good, 1 when something was found, 3 when the log could not
//! be read to its end. Of the log itself, of a backup, or of what was taken out of it, with nothing of ours running.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use events::clock::{Clock, SystemClock};
use events::log::ReadError;
use events::tlog::{VerifierKey, origin};
use events::{LogId, Recorded, Shard};
use serde_json::{Value, json};
use url::Url;

use super::auditor::Auditor;
use super::evidence::{KeysFile, Stored, read_file, read_keys, stored};
use super::{Reader, log_over};
use crate::cli::Environment;
use crate::cli::error::CliError;
use crate::cli::output::{Column, Output, text};
use crate::config::NatsRole;
use crate::serve::{connections, end_asked};
use crate::store;
use crate::vault::VaultName;
use crate::verify::{Check, Report, Verifier};
use crate::witness::Remote;

mod copy;
mod export;
mod known;
mod source;
mod tiles;

use copy::Copy;
use export::Export;
use known::{Knowledge, log_of};
pub use source::Source;
use tiles::Entries;

/// Holds every aggregate in memory, as a command would load it.
#[derive(Debug, Args)]
pub struct Verify {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// The log must go on from this checkpoint, which was kept elsewhere; several times, for several
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    /// The log must go on from what this witness has cosigned last (`keyledger witness`). With its key in the file of
    /// --keys, its own word is checked as well
    #[arg(long, value_name = "URL")]
    witness: Vec<Url>,
    /// Compare with what the node's vault knows: by which key the log begins, the newest checkpoint, whose keys are
    /// believed. It runs with a node's configuration
    #[arg(long, conflicts_with = "nats")]
    vault: bool,
    /// Check this backup (`keyledger backup`), in a private nats-server that ends with the command. It takes as much room in
    /// the temporary folder (TMPDIR)
    #[arg(long, value_name = "DIR", conflicts_with = "nats")]
    backup: Option<PathBuf>,
    /// Check what `events replay --format jsonl` wrote from the beginning on, with nothing running
    #[arg(long, value_name = "FILE", requires = "keys", conflicts_with_all = ["nats", "backup", "vault"])]
    export: Option<PathBuf>,
    /// Check a copy of what is served below `/tlog`, with nothing running: `checkpoint`, `tile/entries/…`
    #[arg(long, value_name = "DIR", requires = "keys", conflicts_with_all = ["nats", "backup", "vault", "export"])]
    tiles: Option<PathBuf>,
    #[command(flatten)]
    keys: KeysFile,
    #[command(flatten)]
    auditor: Auditor,
}

/// Of a witness whose key is not given.
const UNCHECKED: &str = "its own signature is not checked, for its key is not given: a witness that was put back is told by lines that \
                         anybody could have written. Give --keys a file with what `keyledger events keys` prints and the \
                         line that `keyledger witness` begins with";

const TELL_EVERY: Duration = Duration::from_secs(3);

const FINDINGS: &[Column] = &[
    Column { head: "SEQUENCE", cell: |item| text(item, "sequence") },
    Column { head: "CHECK", cell: |item| text(item, "check") },
    Column { head: "PROBLEM", cell: |item| text(item, "problem") },
    Column { head: "SUBJECT", cell: |item| text(item, "subject") },
];

impl Verify {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let report = if let Some(folder) = &self.backup {
            tokio::select! {
                biased;
                report = self.of_backup(folder, environment, output) => report?,
                () = end_asked() => return Err(CliError::Unavailable("it was told to end".to_owned())),
            }
        } else if let Some(keys) = self.keys.file().filter(|_| self.export.is_some() || self.tiles.is_some())
        {
            self.offline(&read_keys(keys)?, output).await?
        } else {
            let client = self.auditor.connect(environment).await.map_err(unread_whole)?;
            let vault = match self.vault {
                true => {
                    Some(store::connect(&self.auditor.configuration(environment)?, NatsRole::Node).await?)
                }
                false => None,
            };
            self.of_log(client, vault, environment, output).await?
        };
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

    async fn of_backup(
        &self,
        folder: &std::path::Path,
        environment: &Environment,
        output: &mut Output,
    ) -> Result<Report, CliError> {
        let copy = Copy::of(folder, output).await?;
        let vault = if self.vault { Some(copy.connect(NatsRole::Node).await?) } else { None };
        let report = self.of_log(copy.connect(NatsRole::Auditor).await?, vault, environment, output).await;
        copy.end().await;
        report
    }

    /// The log that the auditor reads, beside what the vault knows that a node reads.
    async fn of_log(
        &self,
        auditor: store::Client,
        node: Option<store::Client>,
        environment: &Environment,
        output: &mut Output,
    ) -> Result<Report, CliError> {
        let log = log_over(auditor).await?;
        let reader = Reader::of(log).await.map_err(|error| match error {
            // Whose log it is can't be said, and nothing further of it can be judged.
            ReadError::ForeignLog(_) => {
                CliError::Refused(format!("1 finding in the log, at sequence 1: {error}"))
            }
            ReadError::NotBootstrapped | ReadError::Unavailable(_) => {
                CliError::Unavailable(error.to_string())
            }
        })?;
        let mut knowledge = Knowledge::default();
        let mut believed = None;
        if let Some(client) = node {
            let config = self.auditor.configuration(environment)?;
            let vault = connections::vault(&config, VaultName::Node, &client).await?;
            believed = knowledge.ask(&vault, reader.id).await?;
        }
        let keys = match (self.keys.file(), believed) {
            (None, Some(believed)) => believed,
            (_, _) => match self.keys.of_log(&reader.log, reader.id).await {
                // The first message is not what was signed: it publishes no key, and is the first finding.
                Err(CliError::Refused(_)) => Vec::new(),
                keys => keys?,
            },
        };
        let origin = origin(reader.id, Shard::ZERO);
        let Stored { known, refused, words } =
            stored(&reader.checkpoints(), &origin, &keys).await.map_err(unread_whole)?;
        knowledge.known.extend(known);
        knowledge.refused.extend(refused);
        knowledge.words = words;
        self.handed(&mut knowledge, reader.id, &keys, output).await?;
        let mut source = Source::Log(&reader.log, reader.last);
        read(&mut source, knowledge.verifier(reader.id), drop, output).await.map_err(unread_whole)
    }

    /// With the public keys alone.
    async fn offline(&self, keys: &[VerifierKey], output: &mut Output) -> Result<Report, CliError> {
        let log = log_of(keys)?;
        let mut knowledge = Knowledge::default();
        let mut source = match (&self.export, &self.tiles) {
            (Some(file), _) => Source::Export(Export::open(file, log)?),
            (None, Some(folder)) => {
                if let Some(newest) = Entries::checkpoint(folder) {
                    knowledge.add(&read_file(&newest)?, log, keys, &newest.display().to_string())?;
                }
                Source::Entries(Entries::open(folder))
            }
            (None, None) => return Err(CliError::Usage("--export or --tiles is missing".to_owned())),
        };
        self.handed(&mut knowledge, log, keys, output).await?;
        read(&mut source, knowledge.verifier(log), drop, output).await
    }

    /// Checkpoints from elsewhere.
    async fn handed(
        &self,
        knowledge: &mut Knowledge,
        log: LogId,
        keys: &[VerifierKey],
        output: &mut Output,
    ) -> Result<(), CliError> {
        for file in &self.checkpoint {
            knowledge.add(&read_file(file)?, log, keys, &file.display().to_string())?;
        }
        for url in &self.witness {
            let remote = Remote::new(url.clone());
            let place = format!("the witness at {}", remote.url());
            let newest = remote.newest(&origin(log, Shard::ZERO)).await;
            let newest = newest.map_err(|error| CliError::Unavailable(error.to_string()))?;
            let note = newest.ok_or_else(|| {
                CliError::Unavailable(format!("{place} has cosigned no checkpoint of this log"))
            })?;
            if !knowledge.add(&note.to_string(), log, keys, &place)? {
                output.note(format!("{place}: {UNCHECKED}"));
            }
        }
        Ok(())
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
        | CliError::NotProven(_)
        | CliError::Degraded(_)) => error,
    }
}

/// Checks everything, and hands over each event that a writer signed and that can be read.
pub async fn read(
    source: &mut Source<'_>,
    mut verifier: Verifier,
    mut take: impl FnMut(Box<Recorded>),
    output: &mut Output,
) -> Result<Report, CliError> {
    let started = SystemClock.instant();
    let mut told = started;
    loop {
        let messages = source.next(verifier.next()).await?;
        if messages.is_empty() {
            break;
        }
        messages.iter().filter_map(|message| verifier.take(message)).for_each(&mut take);
        if told.elapsed() >= TELL_EVERY {
            told = SystemClock.instant();
            let done = verifier.next() - 1;
            let rate = done as f64 / started.elapsed().as_secs_f64();
            let of = source.last().map_or_else(String::new, |last| format!(" of {last}"));
            output.note(format!("{done}{of} events, {rate:.0} a second"));
        }
    }
    let last = source.last().unwrap_or(verifier.next() - 1);
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
    for loss in &report.losses {
        output.line(format!(
            "messages {} to at least {} were lost, and an operator has accepted it: message {} says so",
            loss.from, loss.to, loss.sequence
        ))?;
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
