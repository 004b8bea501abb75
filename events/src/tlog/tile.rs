//! Tiles (C2SP tlog-tiles): the tree in pieces of 256 hashes, each at an address of its own.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use super::hash::Hash;
use super::proof::Subtrees;

/// A tile spans this many levels of the tree.
pub const TILE_HEIGHT: u8 = 8;

/// A full tile has this many hashes.
pub const TILE_WIDTH: u64 = 1 << TILE_HEIGHT;

/// One tile: its level (0: leaves), its index in the level, and how many hashes it has (256: it is full).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TileId {
    pub level: u8,
    pub index: u64,
    pub width: u16,
}

/// A path below a log's prefix.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TilePath {
    /// `tile/<L>/<N>[.p/<W>]`
    Hashes(TileId),
    /// `tile/entries/<N>[.p/<W>]`: the leaves themselves; the level is 0.
    Entries(TileId),
}

/// It is no tile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    #[error("not the path of a tile: `tile/<level>/<index>` or `tile/<level>/<index>.p/<width>` is one")]
    Path,
    #[error("the tile {0} has {1} bytes, not {2}")]
    Length(TilePath, usize, usize),
}

impl TileId {
    /// The tile that holds the hash of a complete subtree, in a tree of this size.
    pub fn holding(level: u8, index: u64, size: u64) -> Self {
        let tile = level / TILE_HEIGHT;
        // The subtree's first hash in the level that the tile holds.
        let first = index << (level % TILE_HEIGHT);
        Self::at(tile, first / TILE_WIDTH, size)
    }

    /// The tile of this level and index, as full as a tree of this size makes it; of width 0 beyond its end.
    pub fn at(level: u8, index: u64, size: u64) -> Self {
        let shift = u32::from(level) * u32::from(TILE_HEIGHT);
        let hashes = size.checked_shr(shift).unwrap_or(0);
        let width = hashes.saturating_sub(index.saturating_mul(TILE_WIDTH)).min(TILE_WIDTH);
        Self { level, index, width: width as u16 }
    }

    /// The index of the first hash of this tile among those of its level.
    pub fn first(self) -> u64 {
        self.index.saturating_mul(TILE_WIDTH)
    }

    pub fn is_full(self) -> bool {
        u64::from(self.width) == TILE_WIDTH
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tile = match self {
            Self::Hashes(tile) => {
                write!(f, "tile/{}", tile.level)?;
                tile
            }
            Self::Entries(tile) => {
                f.write_str("tile/entries")?;
                tile
            }
        };
        let mut groups = vec![tile.index % 1_000];
        let mut rest = tile.index / 1_000;
        while rest > 0 {
            groups.push(rest % 1_000);
            rest /= 1_000;
        }
        while let Some(group) = groups.pop() {
            let mark = if groups.is_empty() { "" } else { "x" };
            write!(f, "/{mark}{group:03}")?;
        }
        if tile.is_full() { Ok(()) } else { write!(f, ".p/{}", tile.width) }
    }
}

impl FromStr for TilePath {
    type Err = TileError;

    /// Takes the one way to write a tile alone.
    fn from_str(text: &str) -> Result<Self, TileError> {
        let wrong = TileError::Path;
        let rest = text.strip_prefix("tile/").ok_or(wrong.clone())?;
        let (level, rest) = rest.split_once('/').ok_or(wrong.clone())?;
        let (index, width) = match rest.split_once(".p/") {
            Some((index, width)) => (index, width.parse::<u16>().map_err(|_| wrong.clone())?),
            None => (rest, TILE_WIDTH as u16),
        };
        let mut number: u64 = 0;
        for group in index.split('/') {
            let digits = group.strip_prefix('x').unwrap_or(group);
            let value: u64 = digits.parse().map_err(|_| wrong.clone())?;
            number = number
                .checked_mul(1_000)
                .and_then(|shifted| shifted.checked_add(value))
                .ok_or(wrong.clone())?;
        }
        let path = if level == "entries" {
            Self::Entries(TileId { level: 0, index: number, width })
        } else {
            let level: u8 = level.parse().map_err(|_| wrong.clone())?;
            Self::Hashes(TileId { level, index: number, width })
        };
        let in_bounds = match path {
            Self::Hashes(tile) | Self::Entries(tile) => tile.level < 64 && (1..=256).contains(&tile.width),
        };
        if in_bounds && path.to_string() == text { Ok(path) } else { Err(wrong) }
    }
}

/// Tiles that were fetched, for the proofs that are made of them.
#[derive(Clone, Debug, Default)]
pub struct Tiles {
    hashes: HashMap<(u8, u64), Vec<Hash>>,
}

impl Tiles {
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a tile's bytes.
    pub fn insert(&mut self, tile: TileId, bytes: &[u8]) -> Result<(), TileError> {
        let expected = usize::from(tile.width) * 32;
        let (hashes, rest) = bytes.as_chunks::<32>();
        if bytes.len() != expected || !rest.is_empty() {
            return Err(TileError::Length(TilePath::Hashes(tile), bytes.len(), expected));
        }
        self.hashes.insert((tile.level, tile.index), hashes.iter().copied().map(Hash).collect());
        Ok(())
    }
}

impl Subtrees for Tiles {
    fn subtree(&self, level: u8, index: u64) -> Option<Hash> {
        let within = level % TILE_HEIGHT;
        let first = index.checked_shl(u32::from(within))?;
        let tile = self.hashes.get(&(level / TILE_HEIGHT, first / TILE_WIDTH))?;
        let start = (first % TILE_WIDTH) as usize;
        Some(Hash::over_all(tile.get(start..start + (1 << within))?))
    }
}
