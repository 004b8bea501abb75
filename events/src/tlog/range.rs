//! A proof to keep beside a part of the log that was copied elsewhere: that these are its messages, all of them, in
//! their order, checked with the log's public key alone.
//!
//! As text, lines that end in a line feed:
//!
//! ```text
//! keyledger.log/range-proof@v1
//! first <sequence>
//! last <sequence>
//! before <hash>     for each complete subtree of the log before `first`, the largest first
//! after <hash>      for each complete subtree between `last` and the checkpoint's end, from left to right
//!
//! <the checkpoint, a signed note>
//! ```
//!
//! Whoever checks begins with the tree that `before` is the edge of, appends the leaves of the messages at hand and the
//! subtrees of `after`, and compares the root with the checkpoint's. There is one way to cut a range into subtrees, so
//! nothing else is said of them.

use std::fmt;
use std::str::FromStr;

use super::checkpoint::{Checkpoint, CheckpointError};
use super::hash::Hash;
use super::key::VerifierKey;
use super::note::{MAX_NOTE, Note, NoteError};
use super::tree::{Tree, TreeError};

/// The first line of its text.
const FIRST_LINE: &str = "keyledger.log/range-proof@v1";

/// More hashes than any proof has: an edge has 64 at most, a range twice as many.
const MAX_HASHES: usize = 3 * 64;

/// What leads from a range of messages to a signed root.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RangeProof {
    /// The first message's sequence, from 1.
    pub first: u64,
    pub last: u64,
    /// The edge of the tree of all messages before the first.
    pub before: Vec<Hash>,
    /// The subtrees between the last message and the checkpoint's end.
    pub after: Vec<Hash>,
    pub checkpoint: Note,
}

/// It is no proof, or proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeProofError {
    #[error("not a proof: `{FIRST_LINE}` and the lines below it are one")]
    Form,
    #[error(transparent)]
    Before(#[from] TreeError),
    #[error("{found} messages were hashed, and the proof is of {expected}")]
    Count { expected: u64, found: u64 },
    #[error("its checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    #[error("its checkpoint: {0}")]
    Note(#[from] NoteError),
    #[error("its checkpoint is of {size} messages, and the range ends with message {last}")]
    TooEarly { size: u64, last: u64 },
    #[error("there are {found} subtrees after the range, not {expected}")]
    After { expected: usize, found: usize },
    #[error("the messages are not those of the log: they lead to another root")]
    Root,
}

/// The subtrees of a range, from left to right, as its leaves come.
#[derive(Clone, Debug)]
pub struct RangeTree {
    end: u64,
    /// Each with its level and its index there.
    subtrees: Vec<(u32, u64, Hash)>,
}

impl RangeTree {
    /// The empty range at this index.
    pub fn at(index: u64) -> Self {
        Self { end: index, subtrees: Vec::new() }
    }

    /// The index of the next leaf.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Appends a leaf of this hash.
    pub fn push(&mut self, leaf: Hash) {
        let (mut level, mut index, mut hash) = (0, self.end, leaf);
        self.end += 1;
        // A right child whose left sibling lies in the range.
        while let Some((_, _, left)) =
            self.subtrees.pop_if(|(l, i, _)| index % 2 == 1 && *l == level && *i + 1 == index)
        {
            (level, index, hash) = (level + 1, index / 2, Hash::node(&left, &hash));
        }
        self.subtrees.push((level, index, hash));
    }

    pub fn hashes(&self) -> Vec<Hash> {
        self.subtrees.iter().map(|(_, _, hash)| *hash).collect()
    }
}

/// The levels of the subtrees that a range is cut into, from left to right.
fn levels(mut from: u64, to: u64) -> Vec<u32> {
    let mut levels = Vec::new();
    while from < to {
        let level = from.trailing_zeros().min((to - from).ilog2());
        levels.push(level);
        from += 1 << level;
    }
    levels
}

impl RangeProof {
    /// The tree to which the messages' leaves are appended.
    pub fn begin(&self) -> Result<Tree, RangeProofError> {
        Ok(Tree::from_edge(self.first.saturating_sub(1), self.before.clone())?)
    }

    /// What the checkpoint says, once the tree of all messages up to the last leads to its root, and one of these keys has
    /// signed it.
    pub fn end(
        &self,
        mut tree: Tree,
        origin: &str,
        keys: &[VerifierKey],
    ) -> Result<Checkpoint, RangeProofError> {
        let (first, last) = (self.first, self.last);
        if tree.size() != last {
            let (expected, found) =
                ((last + 1).saturating_sub(first), (tree.size() + 1).saturating_sub(first));
            return Err(RangeProofError::Count { expected, found });
        }
        let checkpoint = Checkpoint::open(&self.checkpoint, origin, keys)?;
        if checkpoint.size < last {
            return Err(RangeProofError::TooEarly { size: checkpoint.size, last });
        }
        let levels = levels(last, checkpoint.size);
        if levels.len() != self.after.len() {
            return Err(RangeProofError::After { expected: levels.len(), found: self.after.len() });
        }
        for (level, hash) in levels.into_iter().zip(&self.after) {
            tree.push_subtree(level, *hash);
        }
        if tree.root() == checkpoint.root { Ok(checkpoint) } else { Err(RangeProofError::Root) }
    }
}

impl fmt::Display for RangeProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}\nfirst {}\nlast {}", self.first, self.last)?;
        self.before.iter().try_for_each(|hash| writeln!(f, "before {hash}"))?;
        self.after.iter().try_for_each(|hash| writeln!(f, "after {hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for RangeProof {
    type Err = RangeProofError;

    fn from_str(text: &str) -> Result<Self, RangeProofError> {
        let wrong = || RangeProofError::Form;
        if text.len() > MAX_NOTE + MAX_HASHES * 64 {
            return Err(wrong());
        }
        let (head, checkpoint) = text.split_once("\n\n").ok_or_else(wrong)?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(FIRST_LINE) {
            return Err(wrong());
        }
        let mut number = |name: &str| {
            let digits = lines.next()?.strip_prefix(name)?.strip_prefix(' ')?;
            // 19 digits always are a number of 64 bits, and so is one more.
            let number: u64 = digits.parse().ok().filter(|_| digits.len() <= 19)?;
            (number.to_string() == digits).then_some(number)
        };
        let (first, last) = (number("first").ok_or_else(wrong)?, number("last").ok_or_else(wrong)?);
        if first == 0 || last < first {
            return Err(wrong());
        }
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for line in lines {
            if before.len() + after.len() == MAX_HASHES {
                return Err(wrong());
            }
            match line.split_once(' ') {
                Some(("before", hash)) if after.is_empty() => before.push(hash.parse().map_err(|_| wrong())?),
                Some(("after", hash)) => after.push(hash.parse().map_err(|_| wrong())?),
                Some(_) | None => return Err(wrong()),
            }
        }
        Ok(Self { first, last, before, after, checkpoint: checkpoint.parse()? })
    }
}
