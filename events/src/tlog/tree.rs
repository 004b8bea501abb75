//! A tree that grows: as much of it as the next leaf and the root need.

use serde::{Deserialize, Serialize};

use super::hash::Hash;

/// The right edge of a tree: the complete subtrees that its leaves make, the largest first. At most 64 hashes, whatever
/// the tree's size; a follower keeps it beside its place and goes on from there.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct Tree {
    size: u64,
    edge: Vec<Hash>,
}

/// As it is written down.
#[derive(Serialize, Deserialize)]
struct Parts {
    size: u64,
    edge: Vec<Hash>,
}

/// It is no tree's edge.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a tree of {size} leaves has an edge of {expected} hashes, not {found}")]
pub struct TreeError {
    pub size: u64,
    pub expected: usize,
    pub found: usize,
}

impl Tree {
    pub fn new() -> Self {
        Self::default()
    }

    /// A tree from what [`Tree::edge`] gave.
    pub fn from_edge(size: u64, edge: Vec<Hash>) -> Result<Self, TreeError> {
        let (expected, found) = (size.count_ones() as usize, edge.len());
        if expected == found { Ok(Self { size, edge }) } else { Err(TreeError { size, expected, found }) }
    }

    /// How many leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn edge(&self) -> &[Hash] {
        &self.edge
    }

    /// Appends a leaf of this hash.
    pub fn push(&mut self, leaf: Hash) {
        self.push_subtree(0, leaf);
    }

    /// Appends a complete subtree of `1 << level` leaves. The tree's size is a multiple of that.
    pub(super) fn push_subtree(&mut self, level: u32, subtree: Hash) {
        let mut hash = subtree;
        let mut size = self.size >> level;
        while size & 1 == 1 {
            if let Some(left) = self.edge.pop() {
                hash = Hash::node(&left, &hash);
            }
            size >>= 1;
        }
        self.edge.push(hash);
        self.size += 1 << level;
    }

    /// The hash of the whole tree (RFC 9162, section 2.1.1).
    pub fn root(&self) -> Hash {
        let mut smallest_first = self.edge.iter().rev();
        let Some(first) = smallest_first.next() else { return Hash::empty() };
        smallest_first.fold(*first, |right, left| Hash::node(left, &right))
    }
}

impl TryFrom<Parts> for Tree {
    type Error = TreeError;

    fn try_from(parts: Parts) -> Result<Self, TreeError> {
        Self::from_edge(parts.size, parts.edge)
    }
}

impl From<Tree> for Parts {
    fn from(tree: Tree) -> Self {
        Self { size: tree.size, edge: tree.edge }
    }
}
