//! A proof to keep (C2SP tlog-proof): that an entry is in the log, checked with the log's public key alone.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::checkpoint::{Checkpoint, CheckpointError};
use super::hash::Hash;
use super::key::VerifierKey;
use super::note::{MAX_NOTE, Note, NoteError};
use super::proof::{ProofError, verify_inclusion};

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

/// No tree is deeper.
const MAX_PROOF: usize = 64;

/// NATS holds no longer message than this, in bytes, by a setting of ours; as base64 in a line.
const MAX_FILE: usize = 2 * 1024 * 1024;

/// An entry's place in a log, and what leads from it to a signed root.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProofFile {
    /// The entry itself: subject, line feed, payload. What it says counts once [`ProofFile::verify`] has hashed it.
    pub entry: Option<Vec<u8>>,
    /// The entry's index: its message's sequence less one.
    pub index: u64,
    pub proof: Vec<Hash>,
    pub checkpoint: Note,
}

/// It is no proof, or proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofFileError {
    #[error("not a proof: `{FIRST_LINE}` and the lines that C2SP tlog-proof names are one")]
    Form,
    #[error("its checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    #[error("its checkpoint: {0}")]
    Note(#[from] NoteError),
    #[error(transparent)]
    Proof(#[from] ProofError),
    #[error("it does not hold the entry that it proves")]
    NoEntry,
}

impl ProofFile {
    /// Checks the whole chain from the entry that it holds to a signature by one of these keys.
    pub fn verify(&self, origin: &str, keys: &[VerifierKey]) -> Result<Checkpoint, ProofFileError> {
        let entry = self.entry.as_deref().ok_or(ProofFileError::NoEntry)?;
        self.verify_entry(entry, origin, keys)
    }

    /// The same of an entry that was kept elsewhere.
    pub fn verify_entry(
        &self,
        entry: &[u8],
        origin: &str,
        keys: &[VerifierKey],
    ) -> Result<Checkpoint, ProofFileError> {
        let checkpoint = Checkpoint::open(&self.checkpoint, origin, keys)?;
        verify_inclusion(Hash::leaf(entry), self.index, checkpoint.size, &self.proof, checkpoint.root)?;
        Ok(checkpoint)
    }
}

impl fmt::Display for ProofFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}")?;
        if let Some(entry) = &self.entry {
            writeln!(f, "extra {}", STANDARD.encode(entry))?;
        }
        writeln!(f, "index {}", self.index)?;
        for hash in &self.proof {
            writeln!(f, "{hash}")?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for ProofFile {
    type Err = ProofFileError;

    fn from_str(text: &str) -> Result<Self, ProofFileError> {
        let wrong = || ProofFileError::Form;
        if text.len() > MAX_FILE + MAX_NOTE {
            return Err(wrong());
        }
        let (head, checkpoint) = text.split_once("\n\n").ok_or_else(wrong)?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(FIRST_LINE) {
            return Err(wrong());
        }
        let entry = match lines.next_if(|line| line.starts_with("extra ")) {
            Some(line) => Some(STANDARD.decode(&line["extra ".len()..]).map_err(|_| wrong())?),
            None => None,
        };
        let digits = lines.next().and_then(|line| line.strip_prefix("index ")).ok_or_else(wrong)?;
        let index: u64 = digits.parse().map_err(|_| wrong())?;
        if index.to_string() != digits {
            return Err(wrong());
        }
        let mut proof = Vec::new();
        for line in lines {
            if proof.len() == MAX_PROOF {
                return Err(wrong());
            }
            proof.push(line.parse().map_err(|_| wrong())?);
        }
        Ok(Self { entry, index, proof, checkpoint: checkpoint.parse()? })
    }
}
