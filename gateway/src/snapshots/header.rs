//! What a snapshot says of itself, signed: the log and the place that it is of, and the digest of its content.
//! It lies in the object's description, so that a list tells all without a look at any content.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::digest::DigestBytes;
use events::position::Place;
use events::tlog::Tree;
use events::{LogId, Timestamp};
use projections::directory::Counts;
use projections::directory::snapshot::{FORMAT, reads};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::MAX_BYTES;
use crate::store::snapshots::Object;
use crate::vault::snapshot::SignatureError;
use crate::vault::{SnapshotKey, SnapshotKeys};

/// Separates these signatures from any other that such a key could make.
const DOMAIN: &[u8] = b"keyledger directory snapshot v1\0";

const HEADER: &str = "keyledger-header";
const KEY: &str = "keyledger-key";
const SIGNATURE: &str = "keyledger-signature";

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Header {
    pub format: u32,
    /// The log, and the last message that is in it.
    pub place: Place,
    /// The log's tree up to that message: whoever starts here goes on with it.
    pub tree: Tree,
    /// When the log stored the last event that is in it.
    pub stored_at: Timestamp,
    pub written_at: Timestamp,
    pub counts: Counts,
    /// Of the content, in bytes.
    pub size: u64,
    /// Of the content.
    pub sha256: DigestBytes,
    /// What the version that made it reads, as `kind:version`.
    pub reads: Vec<String>,
}

/// Why a snapshot is passed over.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    #[error("its format is {0}, and this version reads format {FORMAT}")]
    Format(u32),
    #[error("it was made by a version that reads other events")]
    Reads,
    #[error("it carries no signed header")]
    Unsigned,
    #[error(transparent)]
    Signature(#[from] SignatureError),
    #[error("its header can't be read: {0}")]
    Header(#[from] serde_json::Error),
    #[error("it is of log {0}")]
    OtherLog(LogId),
    #[error("its tree is not of its place")]
    Tree,
    #[error("it is {0} bytes large, more than {MAX_BYTES}")]
    TooLarge(u64),
}

impl Unusable {
    /// Another version's work, and nothing that anybody need look into.
    pub fn is_of_another_version(&self) -> bool {
        match self {
            Self::Format(_) | Self::Reads => true,
            Self::Unsigned
            | Self::Signature(_)
            | Self::Header(_)
            | Self::OtherLog(_)
            | Self::Tree
            | Self::TooLarge(_) => false,
        }
    }
}

/// The header as an object's metadata.
pub(super) fn sign(
    header: &Header,
    key: &SnapshotKey,
) -> Result<BTreeMap<String, String>, serde_json::Error> {
    let text = serde_json::to_string(header)?;
    let signature = URL_SAFE_NO_PAD.encode(key.sign(&signed(&text)));
    Ok(BTreeMap::from([
        (HEADER.to_owned(), text),
        (KEY.to_owned(), key.id().to_string()),
        (SIGNATURE.to_owned(), signature),
    ]))
}

/// The header of an object, once it is seen to be signed, of this log, and what this version makes of it.
pub(super) fn verify(object: &Object, keys: &SnapshotKeys, log: LogId) -> Result<Header, Unusable> {
    #[derive(Deserialize)]
    struct OfAnyFormat {
        format: u32,
    }
    let member = |name| object.metadata.get(name).ok_or(Unusable::Unsigned);
    let text = member(HEADER)?;
    // Before anything else, since another format may be signed in another way.
    let OfAnyFormat { format } = serde_json::from_str(text)?;
    if format != FORMAT {
        return Err(Unusable::Format(format));
    }
    let key = Uuid::try_parse(member(KEY)?).map_err(|_| Unusable::Unsigned)?;
    let signature = URL_SAFE_NO_PAD.decode(member(SIGNATURE)?).map_err(|_| Unusable::Unsigned)?;
    keys.verify(key, &signed(text), &signature)?;
    let header: Header = serde_json::from_str(text)?;
    if header.place.log != log {
        return Err(Unusable::OtherLog(header.place.log));
    }
    if header.tree.size() != header.place.sequence {
        return Err(Unusable::Tree);
    }
    if header.reads != reads() {
        return Err(Unusable::Reads);
    }
    if header.size > MAX_BYTES {
        return Err(Unusable::TooLarge(header.size));
    }
    Ok(header)
}

/// Whether a snapshot that this version can't use was written before one that it can, as far as that can be told.
pub(super) fn was_written_before(object: &Object, header: &Header) -> bool {
    #[derive(Deserialize)]
    struct Written {
        written_at: Timestamp,
    }
    let written = object.metadata.get(HEADER).and_then(|text| serde_json::from_str::<Written>(text).ok());
    written.is_some_and(|written| written.written_at < header.written_at)
}

fn signed(header: &str) -> Vec<u8> {
    [DOMAIN, header.as_bytes()].concat()
}
