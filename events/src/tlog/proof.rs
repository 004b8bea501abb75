//! Proofs that a leaf is in a tree, and that one tree goes on from another (RFC 9162, sections 2.1.3 and 2.1.4).

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::hash::Hash;
use super::tile::TileId;

/// Where the hashes of a tree's complete subtrees come from.
pub trait Subtrees {
    /// The hash over the leaves from `index << level` on, `1 << level` of them; `None`: it is not known here.
    fn subtree(&self, level: u8, index: u64) -> Option<Hash>;
}

/// Why there is no proof, or why one does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    #[error("a tree of {size} leaves has no leaf {index}")]
    NoLeaf { index: u64, size: u64 },
    #[error("a tree of {old} leaves does not come before one of {new}")]
    Order { old: u64, new: u64 },
    #[error("the hash of level {level} at {index} is not there")]
    Missing { level: u8, index: u64 },
    #[error("the proof has {found} hashes, not {expected}")]
    Length { expected: usize, found: usize },
    #[error("the proof leads to another root")]
    Root,
}

/// The proof that leaf `index` is in the tree of this size: from the leaf's sibling up.
pub fn inclusion(subtrees: &impl Subtrees, index: u64, size: u64) -> Result<Vec<Hash>, ProofError> {
    if index >= size {
        return Err(ProofError::NoLeaf { index, size });
    }
    let mut path = Vec::new();
    let (mut from, mut to) = (0, size);
    while to - from > 1 {
        let split = from + largest_power_below(to - from);
        if index < split {
            path.push(range(subtrees, split, to)?);
            to = split;
        } else {
            path.push(range(subtrees, from, split)?);
            from = split;
        }
    }
    path.reverse();
    Ok(path)
}

/// The proof that the tree of `new` leaves goes on from that of `old`. Empty from the empty tree and between equals.
pub fn consistency(subtrees: &impl Subtrees, old: u64, new: u64) -> Result<Vec<Hash>, ProofError> {
    if old > new {
        return Err(ProofError::Order { old, new });
    }
    let mut path = Vec::new();
    if old == 0 || old == new {
        return Ok(path);
    }
    let (mut from, mut to) = (0, new);
    // Whether the old tree is the whole of what is left: its root is known to whoever checks.
    let mut whole = true;
    while old != to {
        let split = from + largest_power_below(to - from);
        if old <= split {
            path.push(range(subtrees, split, to)?);
            to = split;
        } else {
            path.push(range(subtrees, from, split)?);
            from = split;
            whole = false;
        }
    }
    if !whole {
        path.push(range(subtrees, from, to)?);
    }
    path.reverse();
    Ok(path)
}

/// The root over the first leaves, so many of them.
pub fn root(subtrees: &impl Subtrees, size: u64) -> Result<Hash, ProofError> {
    if size == 0 { Ok(Hash::empty()) } else { range(subtrees, 0, size) }
}

/// The tiles that [`inclusion`] reads from.
pub fn needed_for_inclusion(index: u64, size: u64) -> Result<BTreeSet<TileId>, ProofError> {
    let needed = Needed(RefCell::default(), size);
    inclusion(&needed, index, size)?;
    Ok(needed.0.into_inner())
}

/// The tiles that [`consistency`] reads from.
pub fn needed_for_consistency(old: u64, new: u64) -> Result<BTreeSet<TileId>, ProofError> {
    let needed = Needed(RefCell::default(), new);
    consistency(&needed, old, new)?;
    Ok(needed.0.into_inner())
}

/// Notes which tiles are asked, in a tree of this size.
struct Needed(RefCell<BTreeSet<TileId>>, u64);

impl Subtrees for Needed {
    fn subtree(&self, level: u8, index: u64) -> Option<Hash> {
        self.0.borrow_mut().insert(TileId::holding(level, index, self.1));
        Some(Hash([0; 32]))
    }
}

/// Checks that a leaf of this hash is at `index` of the tree (RFC 9162, section 2.1.3.2).
pub fn verify_inclusion(
    leaf: Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: Hash,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::NoLeaf { index, size });
    }
    let expected = inclusion_length(index, size);
    if proof.len() != expected {
        return Err(ProofError::Length { expected, found: proof.len() });
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hash = leaf;
    for sibling in proof {
        if node & 1 == 1 || node == last {
            hash = Hash::node(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = Hash::node(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if hash == root { Ok(()) } else { Err(ProofError::Root) }
}

/// How many siblings there are between a leaf and the root.
fn inclusion_length(index: u64, size: u64) -> usize {
    // Below the level at which the leaf's path meets the tree's right edge, each level has a sibling; above, each
    // complete subtree to the left is one.
    let inner = u64::BITS - (index ^ (size - 1)).leading_zeros();
    let border = index.checked_shr(inner).unwrap_or(0).count_ones();
    (inner + border) as usize
}

/// Checks that the tree of `new` leaves goes on from that of `old` (RFC 9162, section 2.1.4.2).
pub fn verify_consistency(
    old: u64,
    old_root: Hash,
    new: u64,
    new_root: Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if old > new {
        return Err(ProofError::Order { old, new });
    }
    if old == 0 || old == new {
        let found = proof.len();
        if found != 0 {
            return Err(ProofError::Length { expected: 0, found });
        }
        let same = if old == 0 { old_root == Hash::empty() } else { old_root == new_root };
        return if same { Ok(()) } else { Err(ProofError::Root) };
    }
    let mut rest = proof.iter();
    let length = |expected| ProofError::Length { expected, found: proof.len() };
    let first = if old.is_power_of_two() { old_root } else { *rest.next().ok_or(length(1))? };
    let (mut node, mut last) = (old - 1, new - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let (mut before, mut after) = (first, first);
    for hash in rest {
        if last == 0 {
            return Err(length(proof.len() - 1));
        }
        if node & 1 == 1 || node == last {
            before = Hash::node(hash, &before);
            after = Hash::node(hash, &after);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            after = Hash::node(&after, hash);
        }
        node >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(length(proof.len() + 1));
    }
    if before == old_root && after == new_root { Ok(()) } else { Err(ProofError::Root) }
}

/// The hash over the leaves from `from` to `to`, a range that one of the splits of RFC 9162 makes.
fn range(subtrees: &impl Subtrees, from: u64, to: u64) -> Result<Hash, ProofError> {
    let count = to - from;
    if count.is_power_of_two() {
        let level = count.trailing_zeros() as u8;
        let index = from >> level;
        return subtrees.subtree(level, index).ok_or(ProofError::Missing { level, index });
    }
    let split = from + largest_power_below(count);
    Ok(Hash::node(&range(subtrees, from, split)?, &range(subtrees, split, to)?))
}

/// The largest power of two below a number above 1.
fn largest_power_below(count: u64) -> u64 {
    1 << (u64::BITS - 1 - (count - 1).leading_zeros())
}
