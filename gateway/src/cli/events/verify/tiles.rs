//! A copy of what control serves below `/tlog`, fetched by any tool: bundles of entries, at `tile/entries/<N>`.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use events::Timestamp;
use events::log::Stored;
use events::tlog::{TILE_WIDTH, TileId, TilePath};

use crate::cli::error::CliError;

/// A full bundle of the longest entries is no longer, in bytes.
const LONGEST: u64 = TILE_WIDTH * (2 + u16::MAX as u64);

pub struct Entries {
    folder: PathBuf,
    /// Of the next bundle.
    index: u64,
    ended: bool,
}

impl Entries {
    pub fn open(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), index: 0, ended: false }
    }

    /// The newest checkpoint, where it was fetched as well.
    pub fn checkpoint(folder: &Path) -> Option<PathBuf> {
        let path = folder.join("checkpoint");
        path.is_file().then_some(path)
    }

    /// The next bundle's.
    pub fn next(&mut self) -> Result<Vec<Stored>, CliError> {
        let Some((path, full)) = self.bundle().filter(|_| !self.ended) else { return Ok(Vec::new()) };
        let wrong = |error: std::io::Error| CliError::Usage(format!("{}: {error}", path.display()));
        let broken = |problem: &str| CliError::Refused(format!("{}: {problem}", path.display()));
        if std::fs::metadata(&path).map_err(wrong)?.len() > LONGEST {
            return Err(broken("it is longer than any bundle of entries"));
        }
        let bytes = Bytes::from(std::fs::read(&path).map_err(wrong)?);
        let first = self.index * TILE_WIDTH + 1;
        let messages =
            entries(&bytes, first).ok_or_else(|| broken("it is no bundle of entries (C2SP tlog-tiles)"))?;
        if full && messages.len() as u64 != TILE_WIDTH {
            return Err(broken(&format!(
                "a full bundle has {TILE_WIDTH} entries, and it has {}",
                messages.len()
            )));
        }
        self.index += 1;
        self.ended = !full;
        Ok(messages)
    }

    /// The next bundle's file, and whether it is a full one. Of several that are not, the one with the most.
    fn bundle(&self) -> Option<(PathBuf, bool)> {
        let tile = TileId { level: 0, index: self.index, width: TILE_WIDTH as u16 };
        let full = self.folder.join(TilePath::Entries(tile).to_string());
        if full.is_file() {
            return Some((full, true));
        }
        let partial = self.folder.join(format!("{}.p", TilePath::Entries(tile)));
        let entries = std::fs::read_dir(&partial).ok()?.flatten();
        let widths = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u8>().ok());
        Some((partial.join(widths.max()?.to_string()), false))
    }
}

/// Each entry has its length before it, in two bytes.
fn entries(bytes: &Bytes, first: u64) -> Option<Vec<Stored>> {
    let mut rest = bytes.clone();
    let mut messages = Vec::new();
    while !rest.is_empty() {
        let length = usize::from(u16::from_be_bytes(*rest.first_chunk()?));
        if rest.len() < 2 + length || messages.len() as u64 == TILE_WIDTH {
            return None;
        }
        let entry = rest.split_to(2 + length).split_off(2);
        let at = entry.iter().position(|byte| *byte == b'\n')?;
        messages.push(Stored {
            sequence: first + messages.len() as u64,
            subject: std::str::from_utf8(entry.get(..at)?).ok()?.to_owned(),
            // The tree does not hold it, and no check asks for it.
            stored_at: Timestamp::UNIX_EPOCH,
            payload: entry.slice(at + 1..),
        });
    }
    Some(messages)
}
