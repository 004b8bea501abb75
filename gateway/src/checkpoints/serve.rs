//! Tiles as bytes: those of leaves long ago are made from the log's messages.

use events::log::Stored;
use events::position::Place;
use events::tlog::{Hash, TILE_WIDTH, TileId};
use futures::StreamExt;

use super::error::{KeeperError, followed};
use super::forest::Tile;
use super::keeper::Keeper;

/// An entry is at most this long, for its length is told in two bytes.
const LONGEST: usize = u16::MAX as usize;

impl Keeper {
    /// A tile's hashes, one after the other; `None`: the newest checkpoint's tree has no such tile.
    pub async fn hashes(&self, tile: TileId) -> Result<Option<Vec<u8>>, KeeperError> {
        let hashes = match self.tile(tile) {
            None => return Ok(None),
            Some(Tile::Hashes(hashes)) => hashes,
            Some(Tile::InLog(over)) => self.leaves(tile, over).await?.iter().map(Hash::message).collect(),
        };
        Ok(Some(hashes.iter().take(usize::from(tile.width)).flat_map(|hash| hash.0).collect()))
    }

    /// A tile's entries, each with its length before it in two bytes; `None`: there is no such tile.
    pub async fn entries(&self, tile: TileId) -> Result<Option<Vec<u8>>, KeeperError> {
        let messages = match self.tile(tile) {
            None => return Ok(None),
            Some(Tile::Hashes(hashes)) => {
                let messages = self.messages(tile, hashes.len()).await?;
                if messages.iter().map(Hash::message).ne(hashes) {
                    return Err(changed(tile));
                }
                messages
            }
            Some(Tile::InLog(over)) => self.leaves(tile, over).await?,
        };
        let mut bytes = Vec::new();
        for message in messages.iter().take(usize::from(tile.width)) {
            let length = message.subject.len() + 1 + message.payload.len();
            let told = u16::try_from(length)
                .map_err(|_| KeeperError::TooLong { sequence: message.sequence, most: LONGEST })?;
            bytes.extend_from_slice(&told.to_be_bytes());
            bytes.extend_from_slice(message.subject.as_bytes());
            bytes.push(b'\n');
            bytes.extend_from_slice(&message.payload);
        }
        Ok(Some(bytes))
    }

    /// All of a full tile's messages, once they are seen to be those that were read before.
    async fn leaves(&self, tile: TileId, over: Hash) -> Result<Vec<Stored>, KeeperError> {
        let messages = self.messages(tile, TILE_WIDTH as usize).await?;
        let hashes: Vec<Hash> = messages.iter().map(Hash::message).collect();
        if Hash::over_all(&hashes) == over { Ok(messages) } else { Err(changed(tile)) }
    }

    /// So many messages from the tile's first on. Few are read at once.
    async fn messages(&self, tile: TileId, count: usize) -> Result<Vec<Stored>, KeeperError> {
        let _turn = self.turns().try_acquire().map_err(|_| KeeperError::Busy)?;
        let log = self.log();
        let id = log.id().await?;
        // The sequence of a leaf is its index and one, so this is the message before the tile.
        let before = tile.first();
        let place = match before {
            0 => None,
            before => {
                let event = log.message(before).await?.and_then(|message| message.read(id).event_id());
                Some(Place { log: id, sequence: before, event })
            }
        };
        let mut messages = log.follow(place).await.map_err(followed)?.take(count);
        let mut read = Vec::with_capacity(count);
        while let Some(message) = messages.next().await {
            read.push(message.map_err(followed)?);
        }
        Ok(read)
    }
}

fn changed(tile: TileId) -> KeeperError {
    let (first, last) = (tile.first() + 1, tile.first() + TILE_WIDTH);
    KeeperError::Contradiction(format!("messages {first} to {last} are not those that were read before"))
}
