//! What an auditor goes by: public keys, from a file or from the log itself, and checkpoints that they signed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use events::tlog::{Checkpoint, Note, Signature, Usage, VerifierKey, origin};
use events::{LogId, Shard, SignerPurpose, Signers};

use super::{Reader, unread};
use crate::cli::error::CliError;
use crate::store::checkpoints::largest::{self, Believed};
use crate::store::checkpoints::{Checkpoints, StoredNote};
use crate::store::stream::StreamError;
use crate::verify::Known;

/// No file of keys, checkpoints or proofs is longer, in bytes.
const LONGEST_FILE: u64 = 4 * 1024 * 1024;

/// Of a log's checkpoints so many are compared, evenly spread; the newest is among them.
const COMPARED: u64 = 1_000;
/// So many of the newest, one by one.
const NEWEST: u64 = 8;

#[derive(Debug, Args)]
pub struct KeysFile {
    /// Believe these public keys alone: a file of C2SP verifier keys, one a line, as `keyledger events keys` prints them.
    /// Without it, those that the log itself publishes
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
}

impl KeysFile {
    /// `None`: those that the log itself publishes.
    pub fn file(&self) -> Option<&Path> {
        self.keys.as_deref()
    }

    /// The keys by which this log's checkpoints are believed.
    pub async fn of_log(&self, log: &dyn events::log::Log, id: LogId) -> Result<Vec<VerifierKey>, CliError> {
        match &self.keys {
            Some(file) => read_keys(file),
            None => published(log, id).await,
        }
    }
}

/// The keys that the log's own events publish.
pub async fn published(log: &dyn events::log::Log, id: LogId) -> Result<Vec<VerifierKey>, CliError> {
    let signers = Signers::default();
    signers.catch_up(log).await.map_err(unread)?;
    Ok(verifiers(&signers, id))
}

fn verifiers(signers: &Signers, id: LogId) -> Vec<VerifierKey> {
    let name = origin(id, Shard::ZERO);
    let now = signers.now();
    let heads = now.all().iter().filter(|signer| signer.purpose == SignerPurpose::Checkpoint);
    heads.filter_map(|signer| VerifierKey::new(&name, Usage::Note, signer.key.public.0).ok()).collect()
}

/// Verifier keys, one a line; what follows a `#` is a comment.
pub fn read_keys(file: &Path) -> Result<Vec<VerifierKey>, CliError> {
    let text = read_file(file)?;
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let keys: Result<Vec<VerifierKey>, _> = lines.filter(|line| !line.is_empty()).map(str::parse).collect();
    match keys {
        Ok(keys) if keys.is_empty() => {
            Err(CliError::Usage(format!("{}: there is no key in it", file.display())))
        }
        Ok(keys) => Ok(keys),
        Err(error) => Err(CliError::Usage(format!("{}: {error}", file.display()))),
    }
}

/// A text file of a bounded length.
pub fn read_file(file: &Path) -> Result<String, CliError> {
    let wrong = |problem: String| CliError::Usage(format!("{}: {problem}", file.display()));
    let length = std::fs::metadata(file).map_err(|error| wrong(error.to_string()))?.len();
    if length > LONGEST_FILE {
        return Err(wrong(format!("it is longer than {LONGEST_FILE} bytes")));
    }
    std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))
}

/// A checkpoint out of a file; refused unless one of these keys signed it.
pub fn read_checkpoint(
    file: &Path,
    origin: &str,
    keys: &[VerifierKey],
) -> Result<(Note, Checkpoint), CliError> {
    open(&read_file(file)?, origin, keys, &file.display().to_string())
}

/// The checkpoint that a note holds.
pub fn open(
    text: &str,
    origin: &str,
    keys: &[VerifierKey],
    place: &str,
) -> Result<(Note, Checkpoint), CliError> {
    largest::open(text, origin, keys).map_err(|problem| CliError::Refused(format!("{place}: {problem}")))
}

/// What the stream of checkpoints holds: the newest, and others before it.
pub struct Stored {
    pub known: Vec<Known>,
    /// Those that no known key signed, with what is wrong.
    pub refused: Vec<(u64, String)>,
    /// What witnesses have cosigned.
    pub words: Words,
}

/// What witnesses are seen to have cosigned.
#[derive(Default)]
pub struct Words {
    /// By the key's name, of those whose key is given.
    checked: BTreeMap<String, Word>,
    /// Lines that no key here is of, by name and the key's id: what they say is not proven.
    unchecked: BTreeMap<(String, u32), Word>,
}

/// The largest size that a witness has cosigned, and where that is kept.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Word {
    pub size: u64,
    pub place: String,
}

/// That a witness has cosigned more than it says now.
#[derive(Debug, PartialEq, Eq)]
pub enum Beyond<'a> {
    Checked(&'a Word),
    Unchecked(&'a Word),
}

impl Words {
    /// What a checkpoint's note says of witnesses.
    pub fn take(&mut self, note: &Note, checkpoint: &Checkpoint, keys: &[VerifierKey], place: &str) {
        let keep = |known: &mut Word| {
            if known.size < checkpoint.size {
                *known = Word { size: checkpoint.size, place: place.to_owned() };
            }
        };
        for word in note.cosignatures(keys).unwrap_or_default() {
            keep(self.checked.entry(word.key.name().to_owned()).or_default());
        }
        for line in unchecked(note, checkpoint, keys) {
            keep(self.unchecked.entry((line.name.clone(), line.key)).or_default());
        }
    }

    /// What one of a note's witnesses has cosigned elsewhere, where that is more.
    pub fn beyond(&self, note: &Note, size: u64) -> Option<Beyond<'_>> {
        let more = |word: &&Word| word.size > size;
        let lines = note.signatures();
        let checked = lines.iter().filter_map(|line| self.checked.get(&line.name)).filter(more).max();
        let unchecked = lines.iter().filter_map(|line| self.unchecked.get(&(line.name.clone(), line.key)));
        checked.map(Beyond::Checked).or_else(|| unchecked.filter(more).max().map(Beyond::Unchecked))
    }
}

/// The lines of a note that are neither the log's nor of a key that is given.
fn unchecked<'a>(
    note: &'a Note,
    checkpoint: &'a Checkpoint,
    keys: &'a [VerifierKey],
) -> impl Iterator<Item = &'a Signature> {
    let lines = note.signatures().iter().filter(|line| line.name != checkpoint.origin);
    lines.filter(|line| !keys.iter().any(|key| key.made(line)))
}

pub async fn stored(stream: &Checkpoints, origin: &str, keys: &[VerifierKey]) -> Result<Stored, CliError> {
    let mut found = Stored { known: Vec::new(), refused: Vec::new(), words: Words::default() };
    let Some(newest) = stream.newest().await.map_err(unreached)? else { return Ok(found) };
    let last = newest.sequence;
    let step = last.div_ceil(COMPARED).max(1);
    let mut at = 1;
    while at < last {
        match stream.from(at).await.map_err(unreached)? {
            Some(note) if note.sequence < last => {
                // The last ones all: they have the newest words of witnesses.
                at = (note.sequence + step).min(last.saturating_sub(NEWEST).max(note.sequence + 1));
                found.take(&note, origin, keys);
            }
            Some(_) | None => break,
        }
    }
    found.take(&newest, origin, keys);
    Ok(found)
}

impl Stored {
    fn take(&mut self, note: &StoredNote, origin: &str, keys: &[VerifierKey]) {
        let place = format!("message {} of KL_CHECKPOINTS", note.sequence);
        match open(&note.text, origin, keys, &place) {
            Ok((note, checkpoint)) => {
                self.words.take(&note, &checkpoint, keys, &place);
                self.known.push(Known { checkpoint, place });
            }
            Err(error) => self.refused.push((note.sequence, error.to_string())),
        }
    }
}

/// The newest checkpoint of the log, as a note that these keys signed.
pub(super) async fn newest(
    reader: &Reader,
    origin: &str,
    keys: &[VerifierKey],
) -> Result<(Note, Checkpoint), CliError> {
    let lost = reader.signers.lost(&reader.log).await.map_err(unread)?;
    let stored = reader.checkpoints().recent().await.map_err(unreached)?;
    let found = largest::largest(&stored, origin, keys, &lost).map_err(CliError::Refused)?;
    let Believed { note, checkpoint, .. } = found.ok_or_else(|| {
        CliError::Unavailable("no checkpoint of the log is signed yet: does a control run?".to_owned())
    })?;
    Ok((note, checkpoint))
}

pub fn unreached(error: StreamError) -> CliError {
    CliError::Unavailable(format!("the log's checkpoints can't be read: {error}"))
}
