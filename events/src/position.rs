//! Where an event stands (`Position`), and how far a follower has come (`Frontier`). Only
//! [`Frontier::covers`] compares the two: nothing else relies on an order across shards.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::{EventId, LogId};
use crate::token::text_serde;

/// One stream of the log. Only shard 0 exists so far; others are refused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Shard(u16);

impl Shard {
    pub const ZERO: Self = Self(0);

    pub fn number(self) -> u16 {
        self.0
    }
}

/// The text is not a shard that this version serves.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a shard: only 0 is served")]
pub struct ShardError(pub String);

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        if text == "0" { Ok(Self::ZERO) } else { Err(ShardError(text.chars().take(16).collect())) }
    }
}

text_serde!(Shard, "Shard", "the number of the log's stream, 0", { "const": "0" });

/// Where one event stands: the log, the shard and the sequence in that shard's stream (from 1).
///
/// Its text (`<log>-<shard>-<sequence>` without hyphens in the log's id) is opaque to users.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Position {
    pub log: LogId,
    pub shard: Shard,
    pub sequence: u64,
}

/// The text is not a position that this product gave out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a position: send one back exactly as an answer gave it")]
pub struct PositionError(pub String);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.log.uuid().as_simple(), self.shard, self.sequence)
    }
}

impl FromStr for Position {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, PositionError> {
        let wrong = || PositionError(text.chars().take(80).collect());
        let mut parts = text.split('-');
        let (Some(log), Some(shard), Some(sequence), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(wrong());
        };
        let log = uuid::Uuid::try_parse(log).map_err(|_| wrong())?;
        let position = Self {
            log: LogId::new(log),
            shard: shard.parse().map_err(|_| wrong())?,
            sequence: sequence.parse().map_err(|_| wrong())?,
        };
        if position.to_string() == text { Ok(position) } else { Err(wrong()) }
    }
}

text_serde!(Position, "Position", "an event's position, opaque");

/// How far a follower has come: for each shard the sequence of the last event that it has applied.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Frontier {
    pub log: LogId,
    shards: BTreeMap<Shard, u64>,
}

impl Frontier {
    /// Before the first event of every shard.
    pub fn start(log: LogId) -> Self {
        Self { log, shards: BTreeMap::new() }
    }

    /// The last applied sequence of a shard; 0 before its first.
    pub fn sequence(&self, shard: Shard) -> u64 {
        self.shards.get(&shard).copied().unwrap_or(0)
    }

    /// Moves a shard on. A frontier never goes back: a lower sequence changes nothing.
    pub fn advance(&mut self, shard: Shard, sequence: u64) {
        let place = self.shards.entry(shard).or_insert(0);
        *place = (*place).max(sequence);
    }

    /// Whether the event at this position has been applied. Never true for another log's position.
    pub fn covers(&self, position: &Position) -> bool {
        self.log == position.log && self.sequence(position.shard) >= position.sequence
    }
}

/// A follower's place in one shard with what proves the log to be the same one: the id of the event there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Place {
    pub log: LogId,
    pub sequence: u64,
    /// `None` where the message at this place is no event of ours.
    pub event: Option<EventId>,
}
