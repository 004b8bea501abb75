//! The hashes of RFC 9162, section 2.1.1.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{Context, SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::log::Stored;
use crate::token::text_serde;

/// A SHA-256 hash of the tree. Its text is standard base64, as in every C2SP format.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(pub [u8; 32]);

/// The text is not a hash.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a hash: 32 bytes in standard base64 are one")]
pub struct HashError;

impl Hash {
    /// The hash of a tree without leaves.
    pub fn empty() -> Self {
        Self::of(digest(&SHA256, &[]))
    }

    /// The hash of a leaf that holds these bytes.
    pub fn leaf(data: &[u8]) -> Self {
        Self::over(&[&[0], data])
    }

    /// The hash of a message's leaf.
    pub fn message(stored: &Stored) -> Self {
        Self::over(&[&[0], stored.subject.as_bytes(), b"\n", &stored.payload])
    }

    /// The hash of a node over its two children.
    pub fn node(left: &Self, right: &Self) -> Self {
        let mut both = [1; 65];
        both[1..33].copy_from_slice(&left.0);
        both[33..].copy_from_slice(&right.0);
        Self::of(digest(&SHA256, &both))
    }

    /// The root over these leaves, or subtrees of one size.
    pub fn over_all(hashes: &[Self]) -> Self {
        match hashes {
            [] => Self::empty(),
            [one] => *one,
            more => {
                let (left, right) = more.split_at(more.len().next_power_of_two() / 2);
                Self::node(&Self::over_all(left), &Self::over_all(right))
            }
        }
    }

    fn over(parts: &[&[u8]]) -> Self {
        let mut context = Context::new(&SHA256);
        for part in parts {
            context.update(part);
        }
        Self::of(context.finish())
    }

    fn of(digest: aws_lc_rs::digest::Digest) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest.as_ref());
        Self(hash)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Hash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, HashError> {
        let bytes = STANDARD.decode(text).map_err(|_| HashError)?;
        bytes.try_into().map(Self).map_err(|_| HashError)
    }
}

text_serde!(Hash, "Hash", "a SHA-256 hash in standard base64");
