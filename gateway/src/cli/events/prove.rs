//! `keyledger events prove` and `keyledger events consistency`: proofs to keep (C2SP tlog-proof), made from the log.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use events::log::Stored;
use events::tlog::{Hash, ProofFile, Subtrees, WholeTree, consistency, inclusion, origin, root};
use events::{EventId, Position, Read, Shard};

use super::auditor::Auditor;
use super::evidence::{KeysFile, newest, read_checkpoint};
use super::{Reader, unread};
use crate::cli::Environment;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::order::Chains;
use crate::record::Record;

/// The event with its place in the newest checkpoint, as one file that `keyledger audit verify` and any C2SP tlog-proof
/// verifier check with the log's public key alone. It reads the log up to the checkpoint.
#[derive(Debug, Args)]
pub struct Prove {
    /// Its id, its position or its sequence
    #[arg(value_name = "EVENT")]
    event: Which,
    /// Write the proof to a file that is not there yet, such as EVENT.tlog-proof
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    keys: KeysFile,
    #[command(flatten)]
    auditor: Auditor,
}

/// Prints what a C2SP witness takes: the old size, the proof, and the new checkpoint.
#[derive(Debug, Args)]
pub struct Consistency {
    /// A checkpoint that was kept
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// A later one; without it the newest
    #[arg(value_name = "NEW")]
    new: Option<PathBuf>,
    #[command(flatten)]
    keys: KeysFile,
    #[command(flatten)]
    auditor: Auditor,
}

#[derive(Clone, Copy, Debug)]
enum Which {
    Event(EventId),
    Position(Position),
    Sequence(u64),
}

impl FromStr for Which {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let sequence = text.parse().map(Self::Sequence).ok();
        let event = || text.parse().map(Self::Event).ok();
        let position = || text.parse().map(Self::Position).ok();
        sequence.or_else(event).or_else(position).ok_or("an event's id, position or sequence is expected")
    }
}

impl Prove {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let reader = Reader::open(&self.auditor, environment).await?;
        let keys = self.keys.of_log(&reader.log, reader.id).await?;
        let origin = origin(reader.id, Shard::ZERO);
        let (checkpoint, head) = newest(&reader, &origin, &keys).await?;
        if let Which::Position(position) = self.event
            && position.log != reader.id
        {
            return Err(CliError::Refused(format!("{position} is a position of another log")));
        }
        let mut found = None;
        let tree = read(&reader, head.size, |message| {
            let is_it = match self.event {
                Which::Sequence(sequence) => message.sequence == sequence,
                Which::Position(position) => message.sequence == position.sequence,
                Which::Event(id) => message.read(reader.id).event_id() == Some(id),
            };
            if is_it && found.is_none() {
                found = Some(message.clone());
            }
        })
        .await?;
        agrees(&tree, head.size, head.root, "the newest checkpoint")?;
        let message = found.ok_or_else(|| {
            CliError::Refused(format!(
                "there is no such event in the first {} messages, which the newest checkpoint is of: a new one is \
                 signed within 10 seconds",
                head.size
            ))
        })?;
        let index = message.sequence - 1;
        let proof = inclusion(&tree, index, head.size).map_err(unproven)?;
        let mut entry = format!("{}\n", message.subject).into_bytes();
        entry.extend_from_slice(&message.payload);
        let read = reader.signers.read_of(&reader.log, &message, reader.id).await.map_err(unread)?;
        let mut chains = Chains::from(message.sequence);
        let read = chains.take(&reader.log, &reader.signers, reader.id, read).await.map_err(unread)?;
        let unsigned = matches!(&read, Read::Unreadable(it) if it.reason.is_of_signature());
        let unsigned = if unsigned { "no writer of the log signed it: " } else { "" };
        if let Some(problem) = (Record { log: reader.id, stored: &message, read: &read }).problem() {
            output.note(format!(
                "{unsigned}{problem}. The proof shows that it is in the log, and nobody obeys it"
            ));
        }
        let file = ProofFile { entry: Some(entry), index, proof, checkpoint };
        match self.output {
            None => output.text(&file.to_string()),
            Some(path) => {
                write_new(&path, &file.to_string())?;
                output.line(format!(
                    "{}: message {} of {} messages of {origin}",
                    path.display(),
                    message.sequence,
                    head.size
                ))
            }
        }
    }
}

impl Consistency {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let reader = Reader::open(&self.auditor, environment).await?;
        let keys = self.keys.of_log(&reader.log, reader.id).await?;
        let origin = origin(reader.id, Shard::ZERO);
        let (_, old) = read_checkpoint(&self.old, &origin, &keys)?;
        let (note, new) = match &self.new {
            Some(file) => read_checkpoint(file, &origin, &keys)?,
            None => newest(&reader, &origin, &keys).await?,
        };
        if old.size > new.size {
            return Err(CliError::Refused(format!(
                "the old checkpoint is of {} messages, the new one of {}",
                old.size, new.size
            )));
        }
        let tree = read(&reader, new.size, |_| ()).await?;
        agrees(&tree, old.size, old.root, "the old checkpoint")?;
        agrees(&tree, new.size, new.root, "the new checkpoint")?;
        output.line(format!("old {}", old.size))?;
        for hash in consistency(&tree, old.size, new.size).map_err(unproven)? {
            output.line(hash.to_string())?;
        }
        output.text(&format!("\n{note}"))
    }
}

/// The tree over the log's first messages, so many of them.
pub(super) async fn read(
    reader: &Reader,
    size: u64,
    mut look: impl FnMut(&Stored),
) -> Result<WholeTree, CliError> {
    let mut tree = WholeTree::new();
    while tree.size() < size {
        let messages = reader.log.scan(tree.size() + 1).await.map_err(unread)?;
        if messages.is_empty() {
            return Err(CliError::Refused(format!(
                "the log ends at {}, before a checkpoint of {size} messages: its tail is lost",
                tree.size()
            )));
        }
        for message in messages {
            if tree.size() == size {
                break;
            }
            if message.sequence != tree.size() + 1 {
                return Err(CliError::Refused(format!("message {} is missing in the log", tree.size() + 1)));
            }
            look(&message);
            tree.push(Hash::message(&message));
        }
    }
    Ok(tree)
}

pub(super) fn agrees(tree: &impl Subtrees, size: u64, expected: Hash, what: &str) -> Result<(), CliError> {
    if root(tree, size).map_err(unproven)? == expected {
        return Ok(());
    }
    Err(CliError::Refused(format!(
        "the log's first {size} messages are not those of {what}; `keyledger events verify` tells more"
    )))
}

pub(super) fn unproven(error: events::tlog::ProofError) -> CliError {
    CliError::Refused(error.to_string())
}

fn write_new(path: &std::path::Path, text: &str) -> Result<(), CliError> {
    use std::io::Write;
    let written = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
    let written = written.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| CliError::Usage(format!("{}: {error}", path.display())))
}
