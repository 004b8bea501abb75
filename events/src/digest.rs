//! Key digests: what the log holds of a secret.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::id::PepperId;
use crate::token::{BYTES_32, object, text_serde};

/// HMAC-SHA-256 under a pepper over the kind, a zero byte and the key as text: without the pepper, nobody
/// who can write to the log can make one that a node accepts.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, JsonSchema)]
pub struct KeyDigest {
    pub kind: DigestKind,
    pub pepper: PepperId,
    pub bytes: DigestBytes,
}

impl<'de> Deserialize<'de> for KeyDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Members {
            kind: DigestKind,
            pepper: PepperId,
            bytes: DigestBytes,
        }
        let Members { kind, pepper, bytes } = object(deserializer)?;
        Ok(Self { kind, pepper, bytes })
    }
}

/// What the digest was made of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DigestKind {
    /// A key that Keyledger drew: the whole text, prefix and checksum included.
    Native,
}

impl DigestKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
        }
    }
}

/// 32 bytes, base64url without padding in JSON.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DigestBytes(pub [u8; 32]);

/// The text is not 32 bytes in base64url.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a digest is 32 bytes in base64url without padding")]
pub struct DigestError;

impl fmt::Display for DigestBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for DigestBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for DigestBytes {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| DigestError)?;
        bytes.try_into().map(Self).map_err(|_| DigestError)
    }
}

text_serde!(DigestBytes, "DigestBytes", "32 bytes, base64url without padding", { "pattern": BYTES_32 });

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bytes_are_read_back_from_their_text(bytes in any::<[u8; 32]>()) {
            prop_assert_eq!(DigestBytes(bytes).to_string().parse::<DigestBytes>().unwrap(), DigestBytes(bytes));
        }

        #[test]
        fn what_is_read_has_one_spelling(text in "[A-Za-z0-9_=-]{42,44}") {
            if let Ok(bytes) = text.parse::<DigestBytes>() {
                prop_assert_eq!(bytes.to_string(), text);
            }
        }
    }

    #[test]
    fn thirty_two_bytes_and_no_other_number() {
        for length in [0, 16, 31, 33, 64] {
            assert!(URL_SAFE_NO_PAD.encode(vec![1; length]).parse::<DigestBytes>().is_err(), "{length}");
        }
    }
}
