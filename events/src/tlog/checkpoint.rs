//! Checkpoints (C2SP tlog-checkpoint): how long a log is, and the root over all of it.

use std::fmt;
use std::str::FromStr;

use super::hash::Hash;
use super::key::{Signer, VerifierKey};
use super::note::{Note, NoteError};
use super::unsigned::Unsigned;
use crate::id::LogId;
use crate::position::Shard;
use crate::token::text_serde;

/// What a checkpoint says. Of extension lines ours has one, [`Unsigned`]; others are passed over, as the standard has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// Which log: see [`origin`].
    pub origin: String,
    /// How many leaves: the sequence of the last message that it covers.
    pub size: u64,
    pub root: Hash,
    /// Which of these messages carry no good signature, as whoever signs this has judged them.
    pub unsigned: Unsigned,
}

/// How long a log is, and the root over it; its text is `<size> <root>`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Head {
    pub size: u64,
    pub root: Hash,
}

/// The text is no head.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a head: a size in decimal digits, a space and a root in base64 are one")]
pub struct HeadError;

/// It is no checkpoint of the log that is meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    #[error(
        "not a checkpoint: three lines (origin, size, root) are one, and extension lines after them that are not empty"
    )]
    Form,
    #[error("it is a checkpoint of `{found}`, not of `{expected}`")]
    Origin { expected: String, found: String },
    #[error(transparent)]
    Note(#[from] NoteError),
}

/// A shard's name as a log: its checkpoints' first line and the name of its checkpoint keys.
pub fn origin(log: LogId, shard: Shard) -> String {
    format!("keyledger.log/{log}/{shard}")
}

/// The log and the shard that [`origin`] names.
pub fn named_by(origin: &str) -> Option<(LogId, Shard)> {
    let (log, shard) = origin.strip_prefix("keyledger.log/")?.split_once('/')?;
    Some((log.parse().ok()?, shard.parse().ok()?))
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.size, self.root)
    }
}

impl FromStr for Head {
    type Err = HeadError;

    fn from_str(text: &str) -> Result<Self, HeadError> {
        let (size, root) = text.split_once(' ').ok_or(HeadError)?;
        let number: u64 = size.parse().map_err(|_| HeadError)?;
        // 19 digits always are a number of 64 bits.
        if number.to_string() != size || size.len() > 19 {
            return Err(HeadError);
        }
        Ok(Self { size: number, root: root.parse().map_err(|_| HeadError)? })
    }
}

text_serde!(Head, "Head", "a log's size, a space, and the root over it in standard base64", {
    "pattern": "^(0|[1-9][0-9]{0,18}) [A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$",
});

impl Checkpoint {
    pub fn head(&self) -> Head {
        Head { size: self.size, root: self.root }
    }

    /// A signed note of it.
    pub fn sign(&self, signer: &Signer) -> Note {
        Note::sign(self.to_string(), signer)
    }

    /// The checkpoint that a note holds, once one of these keys is seen to have signed it.
    pub fn open(note: &Note, origin: &str, keys: &[VerifierKey]) -> Result<Self, CheckpointError> {
        note.verify(keys)?;
        let checkpoint: Self = note.text().parse()?;
        if checkpoint.origin == origin {
            Ok(checkpoint)
        } else {
            Err(CheckpointError::Origin { expected: origin.to_owned(), found: checkpoint.origin })
        }
    }

    /// The same for whoever goes by what it says of signatures: that counts where the key that signs now has signed it. One
    /// that was retired may be in other hands by now.
    pub fn open_judged(
        note: &Note,
        origin: &str,
        keys: &[VerifierKey],
        now: &VerifierKey,
    ) -> Result<Self, CheckpointError> {
        let mut checkpoint = Self::open(note, origin, keys)?;
        if !note.verify(keys)?.contains(&now) {
            checkpoint.unsigned = Unsigned::Untold;
        }
        Ok(checkpoint)
    }
}

impl fmt::Display for Checkpoint {
    /// The note's text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}\n{}", self.origin, self.size, self.root, self.unsigned)
    }
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let text = text.strip_suffix('\n').ok_or(CheckpointError::Form)?;
        let mut lines = text.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(CheckpointError::Form);
        };
        let number: u64 = size.parse().map_err(|_| CheckpointError::Form)?;
        if origin.is_empty() || number.to_string() != size {
            return Err(CheckpointError::Form);
        }
        let root = root.parse().map_err(|_| CheckpointError::Form)?;
        let mut unsigned = Unsigned::Untold;
        for line in lines {
            match Unsigned::of_line(line, number) {
                Some(Ok(told)) if unsigned == Unsigned::Untold => unsigned = told,
                Some(_) => return Err(CheckpointError::Form),
                None if line.is_empty() => return Err(CheckpointError::Form),
                None => {}
            }
        }
        Ok(Self { origin: origin.to_owned(), size: number, root, unsigned })
    }
}
