//! A tree that keeps all its hashes, for whoever has read a whole log and proves something of it.

use super::hash::Hash;
use super::proof::Subtrees;

/// Every complete subtree's hash: 64 bytes a leaf.
#[derive(Clone, Debug, Default)]
pub struct WholeTree {
    /// By level, the leaves first.
    levels: Vec<Vec<Hash>>,
}

impl WholeTree {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn size(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// Appends a leaf of this hash.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let Some(row) = self.levels.get_mut(level) else { return };
            row.push(hash);
            match row.as_slice() {
                [.., left, right] if row.len().is_multiple_of(2) => hash = Hash::node(left, right),
                _ => return,
            }
        }
    }
}

impl Subtrees for WholeTree {
    fn subtree(&self, level: u8, index: u64) -> Option<Hash> {
        self.levels.get(usize::from(level))?.get(usize::try_from(index).ok()?).copied()
    }
}
