//! What a node holds of a key that signs access tokens.

use events::installation::TokenKeyPublished;
use events::token_key::{Coordinate, TokenAlgorithm};
use events::{Timestamp, TokenKeyId};

/// One key as of one event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TokenKeyEntry {
    pub id: TokenKeyId,
    pub algorithm: TokenAlgorithm,
    /// Its public point.
    pub x: Coordinate,
    pub y: Coordinate,
    /// It signs nothing before.
    pub used_from: Timestamp,
    pub state: TokenKeyState,
    /// The sequence of the event that published it.
    pub published: u64,
    /// The sequence of the event that made this entry.
    pub generation: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TokenKeyState {
    Published,
    /// For ever: no token of it is taken.
    Retired,
}

impl TokenKeyEntry {
    /// Whether a token is signed with it at this time, unless a newer one may be.
    pub fn signs(&self, now: Timestamp) -> bool {
        self.state == TokenKeyState::Published && self.used_from <= now
    }

    pub(super) fn published(published: &TokenKeyPublished, sequence: u64) -> Self {
        let TokenKeyPublished { id, algorithm, x, y, used_from } = *published;
        let state = TokenKeyState::Published;
        Self { id, algorithm, x, y, used_from, state, published: sequence, generation: sequence }
    }

    /// `None`: it is so already.
    pub(super) fn retired(&self, sequence: u64) -> Option<Self> {
        match self.state {
            TokenKeyState::Published => {
                Some(Self { state: TokenKeyState::Retired, generation: sequence, ..*self })
            }
            TokenKeyState::Retired => None,
        }
    }
}
