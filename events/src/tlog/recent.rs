//! A tree that grows and remembers how it was lately, for checkpoints that come after what they are of.

use std::collections::VecDeque;

use super::hash::Hash;
use super::tree::Tree;

/// A tree is remembered every so many leaves.
const STRIDE: u64 = 512;

/// So many trees are remembered.
const TREES: usize = 16;

/// A tree with its last 7,680 sizes at least, in a few hundred kilobytes.
#[derive(Clone, Debug)]
pub struct RecentTree {
    now: Tree,
    /// Smaller ones, the smallest first; never empty.
    before: VecDeque<Tree>,
    /// The leaves since the smallest.
    leaves: VecDeque<Hash>,
}

impl RecentTree {
    /// Goes on from a tree.
    pub fn new(tree: Tree) -> Self {
        Self { before: VecDeque::from([tree.clone()]), now: tree, leaves: VecDeque::new() }
    }

    pub fn now(&self) -> &Tree {
        &self.now
    }

    pub fn push(&mut self, leaf: Hash) {
        self.now.push(leaf);
        self.leaves.push_back(leaf);
        if self.now.size().is_multiple_of(STRIDE) {
            self.before.push_back(self.now.clone());
            if self.before.len() > TREES
                && let (Some(forgotten), Some(first)) = (self.before.pop_front(), self.before.front())
            {
                let gone = first.size() - forgotten.size();
                self.leaves.drain(
                    ..usize::try_from(gone).map_or(self.leaves.len(), |gone| gone.min(self.leaves.len())),
                );
            }
        }
    }

    /// The tree when it had so many leaves; `None`: it has not come so far, or that is long ago.
    pub fn at(&self, size: u64) -> Option<Tree> {
        if size > self.now.size() {
            return None;
        }
        let first = self.before.front()?.size();
        let mut tree = self.before.iter().rev().find(|tree| tree.size() <= size)?.clone();
        let from = usize::try_from(tree.size() - first).ok()?;
        let to = usize::try_from(size - first).ok()?;
        self.leaves.range(from..to).for_each(|leaf| tree.push(*leaf));
        Some(tree)
    }
}

impl Default for RecentTree {
    fn default() -> Self {
        Self::new(Tree::new())
    }
}
