//! The log's tree as control keeps it: small enough to hold, whole enough to serve every tile (C2SP tlog-tiles).
//!
//! Of the leaves it keeps the last tile alone, and of every full tile one hash: an eighth of a byte a message. A tile
//! of older leaves is made from the log's messages and compared with the hash that was kept, so what is served is what
//! was read once, or nothing.

use events::tlog::{Hash, RecentTree, TILE_WIDTH, TileId, Tree};

/// What is known of a tile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tile {
    /// Its hashes.
    Hashes(Vec<Hash>),
    /// Of leaves that are in the log alone: the hash over the whole tile.
    InLog(Hash),
}

/// A tree with its tiles.
#[derive(Debug, Default)]
pub struct Forest {
    recent: RecentTree,
    /// Those of the last tile, while it is not full.
    leaves: Vec<Hash>,
    /// From level 1 on: every hash of the level.
    levels: Vec<Vec<Hash>>,
}

impl Forest {
    pub fn size(&self) -> u64 {
        self.recent.now().size()
    }

    pub fn tree(&self) -> &Tree {
        self.recent.now()
    }

    /// The tree when it had so many leaves, where that is not long ago.
    pub fn tree_at(&self, size: u64) -> Option<Tree> {
        self.recent.at(size)
    }

    pub fn push(&mut self, leaf: Hash) {
        self.recent.push(leaf);
        self.leaves.push(leaf);
        if (self.leaves.len() as u64) < TILE_WIDTH {
            return;
        }
        let mut full = Hash::over_all(&self.leaves);
        self.leaves.clear();
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let Some(row) = self.levels.get_mut(level) else { return };
            row.push(full);
            if !(row.len() as u64).is_multiple_of(TILE_WIDTH) {
                return;
            }
            let tile = row.len().saturating_sub(TILE_WIDTH as usize);
            full = Hash::over_all(row.get(tile..).unwrap_or_default());
        }
    }

    /// A tile of the tree when it had so many leaves; `None`: it had no such tile.
    pub fn tile(&self, tile: TileId, size: u64) -> Option<Tile> {
        let whole = TileId::at(tile.level, tile.index, size.min(self.size()));
        if tile.width == 0 || tile.width > whole.width {
            return None;
        }
        let (first, width) = (usize::try_from(tile.first()).ok()?, usize::from(tile.width));
        let hashes = match tile.level.checked_sub(1) {
            Some(level) => self.levels.get(usize::from(level))?.get(first..first + width)?,
            None if tile.first() >= self.size() - self.leaves.len() as u64 => self.leaves.get(..width)?,
            None => {
                let over = self.levels.first()?.get(usize::try_from(tile.index).ok()?)?;
                return Some(Tile::InLog(*over));
            }
        };
        Some(Tile::Hashes(hashes.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use events::tlog::{Subtrees, WholeTree};

    use super::*;

    #[test]
    fn every_tile_is_the_trees() {
        const SIZE: u64 = 256 * 256 + 3 * 256 + 7;
        let (mut forest, mut whole) = (Forest::default(), WholeTree::new());
        for n in 0..SIZE {
            let leaf = Hash::leaf(&n.to_be_bytes());
            forest.push(leaf);
            whole.push(leaf);
        }
        for (level, index) in [(0, 0), (0, 258), (0, 259), (1, 0), (1, 1), (2, 0)] {
            let tile = TileId::at(level, index, SIZE);
            let hashes: Vec<_> = (tile.first()..tile.first() + u64::from(tile.width))
                .map(|n| whole.subtree(8 * level, n).unwrap())
                .collect();
            match forest.tile(tile, SIZE).unwrap() {
                Tile::Hashes(found) => assert_eq!(found, hashes, "{tile:?}"),
                Tile::InLog(over) => assert_eq!((over, level), (Hash::over_all(&hashes), 0), "{tile:?}"),
            }
            assert!(forest.tile(TileId { width: 1, ..tile }, SIZE).is_some());
            assert_eq!(forest.tile(TileId { width: tile.width + 1, ..tile }, SIZE), None);
        }
        for (level, index) in [(0, 260), (1, 2), (2, 1), (3, 0), (63, 0)] {
            assert_eq!(forest.tile(TileId { level, index, width: 1 }, SIZE), None);
        }
        assert_eq!(forest.tile(TileId { level: 0, index: 0, width: 51 }, 50), None, "beyond what was signed");
    }
}
