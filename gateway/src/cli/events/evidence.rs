//! What an auditor goes by: public keys, from a file or from the log itself, and checkpoints that they signed.

use std::path::{Path, PathBuf};

use clap::Args;
use events::tlog::{Checkpoint, Note, Usage, VerifierKey, origin};
use events::{LogId, Shard, SignerPurpose, Signers};

use super::unread;
use crate::cli::error::CliError;
use crate::store::checkpoints::{Checkpoints, StoredNote};
use crate::store::stream::StreamError;
use crate::verify::Known;

/// No file of keys, checkpoints or proofs is longer, in bytes.
const LONGEST_FILE: u64 = 4 * 1024 * 1024;

/// Of a log's checkpoints so many are compared, evenly spread; the newest is among them.
const COMPARED: u64 = 1_000;

#[derive(Debug, Args)]
pub struct KeysFile {
    /// Believe these public keys alone: a file of C2SP verifier keys, one a line, as `keyledger events keys` prints them.
    /// Without it, those that the log itself publishes
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
}

impl KeysFile {
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
    let refused = |problem: String| CliError::Refused(format!("{place}: {problem}"));
    let note: Note = text.parse().map_err(|error: events::tlog::NoteError| refused(error.to_string()))?;
    let checkpoint = Checkpoint::open(&note, origin, keys).map_err(|error| refused(error.to_string()))?;
    // A witness that is known and says something wrong spoils it as well.
    note.cosignatures(keys).map_err(|error| refused(error.to_string()))?;
    Ok((note, checkpoint))
}

/// What the stream of checkpoints holds: the newest, and others before it.
pub struct Stored {
    pub known: Vec<Known>,
    /// Those that no known key signed, with what is wrong.
    pub refused: Vec<(u64, String)>,
}

pub async fn stored(stream: &Checkpoints, origin: &str, keys: &[VerifierKey]) -> Result<Stored, CliError> {
    let mut found = Stored { known: Vec::new(), refused: Vec::new() };
    let Some(newest) = stream.newest().await.map_err(unreached)? else { return Ok(found) };
    let last = newest.sequence;
    let step = last.div_ceil(COMPARED).max(1);
    let mut at = 1;
    while at < last {
        match stream.from(at).await.map_err(unreached)? {
            Some(note) if note.sequence < last => {
                at = note.sequence + step;
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
            Ok((_, checkpoint)) => self.known.push(Known { checkpoint, place }),
            Err(error) => self.refused.push((note.sequence, error.to_string())),
        }
    }
}

/// The newest checkpoint of the log, as a note that these keys signed.
pub async fn newest(
    stream: &Checkpoints,
    origin: &str,
    keys: &[VerifierKey],
) -> Result<(Note, Checkpoint), CliError> {
    let stored = stream.newest().await.map_err(unreached)?;
    let stored = stored.ok_or_else(|| {
        CliError::Unavailable("no checkpoint of the log is signed yet: does a control run?".to_owned())
    })?;
    open(&stored.text, origin, keys, &format!("message {} of KL_CHECKPOINTS", stored.sequence))
}

pub fn unreached(error: StreamError) -> CliError {
    CliError::Unavailable(format!("the log's checkpoints can't be read: {error}"))
}
