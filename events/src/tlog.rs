//! The log as a Merkle tree (RFC 9162, SHA-256), so that it proves itself: whoever keeps 32 bytes of it notices when
//! anything before them is changed, left out or put in.
//!
//! Everything here is computed from bytes: no log, no network, no clock. The formats are those of <https://c2sp.org>
//! (tlog-checkpoint, signed-note, tlog-cosignature, tlog-tiles, tlog-proof), so that any verifier of theirs checks what
//! Keyledger proves.
//!
//! A leaf is one message of the log: its subject, a line feed, and its payload as stored. Its index is the message's
//! sequence less one.

mod checkpoint;
mod hash;
mod key;
mod note;
mod proof;
mod proof_file;
mod range;
mod recent;
mod tile;
mod tree;
mod unsigned;
mod whole;

#[cfg(test)]
mod tests;

pub use checkpoint::{Checkpoint, CheckpointError, Head, HeadError, named_by, origin};
pub use hash::{Hash, HashError};
pub use key::{Cosigner, KeyError, Signer, Usage, VerifierKey};
pub use note::{Cosignature, MAX_NOTE, MAX_SIGNATURES, Note, NoteError, Signature};
pub use proof::{
    ProofError, Subtrees, consistency, inclusion, needed_for_consistency, needed_for_inclusion, root,
    verify_consistency, verify_inclusion,
};
pub use proof_file::{ProofFile, ProofFileError};
pub use range::{RangeProof, RangeProofError, RangeTree};
pub use recent::RecentTree;
pub use tile::{TILE_HEIGHT, TILE_WIDTH, TileError, TileId, TilePath, Tiles};
pub use tree::{Tree, TreeError};
pub use unsigned::Unsigned;
pub use whole::WholeTree;
