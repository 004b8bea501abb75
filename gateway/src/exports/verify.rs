//! Checks a file and its proof, offline: with the files and the public keys alone.

use std::fs::File;
use std::path::{Path, PathBuf};

use events::tlog::{Checkpoint, RangeProof, RangeProofError, Usage, VerifierKey, named_by};

use super::PROOF;
use super::content::{self, Content, ContentError};

/// What a file was proven to hold.
#[derive(Debug)]
pub struct Proven {
    pub first: u64,
    pub last: u64,
    /// The log's, as its keys and its checkpoints name it.
    pub origin: String,
    pub checkpoint: Checkpoint,
    /// Messages of which the file says that nobody obeys them. The proof says nothing of it.
    pub marked: u64,
    /// The proof itself, for what else its checkpoint says.
    pub proof: RangeProof,
}

#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error("it is no file of an export by its name, which ends with .jsonl, .jsonl.gz or .parquet")]
    Name,
    #[error("no key of a log is given")]
    NoKey,
    #[error("its proof: {0}")]
    Proof(#[from] RangeProofError),
    #[error(transparent)]
    Content(#[from] ContentError),
}

/// Where the proof of a file lies.
pub fn proof_of(file: &Path) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(PROOF);
    path.into()
}

/// `proof`: the text beside the file.
pub fn verify(file: &Path, proof: &str, keys: &[VerifierKey]) -> Result<Proven, VerifyError> {
    let content = file.file_name().and_then(|name| name.to_str()).and_then(Content::of_name);
    let content = content.ok_or(VerifyError::Name)?;
    let proof: RangeProof = proof.parse()?;
    // The log is the one whose name a key has that is believed.
    let named = keys.iter().filter(|key| key.usage() == Usage::Note);
    let known = named.filter_map(|key| Some((key.name(), named_by(key.name())?.0)));
    let mut outcome = Err(VerifyError::NoKey);
    let mut tried: Vec<&str> = Vec::new();
    for (origin, log) in known {
        if tried.contains(&origin) {
            continue;
        }
        tried.push(origin);
        let checked = || {
            let mut tree = proof.begin()?;
            let mut marked = 0;
            let mut tell = |held: content::Held| {
                marked += u64::from(held.is_marked);
                tree.push(held.leaf);
            };
            content::read_file(
                File::open(file).map_err(ContentError::from)?,
                content,
                log,
                proof.first,
                &mut tell,
            )?;
            Ok((proof.end(tree, origin, keys)?, marked))
        };
        outcome = checked().map(|(checkpoint, marked)| (origin.to_owned(), checkpoint, marked));
        if outcome.is_ok() {
            break;
        }
    }
    let (origin, checkpoint, marked) = outcome?;
    Ok(Proven { first: proof.first, last: proof.last, origin, checkpoint, marked, proof })
}
