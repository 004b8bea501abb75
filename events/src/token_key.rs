//! The keys that sign access tokens (ES256, RFC 7518 §3.4): what of them the log holds.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::token::{BYTES_32, text_serde};

crate::named! {
    /// By what a token is signed.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
    pub enum TokenAlgorithm {
        /// ECDSA over P-256 with SHA-256.
        #[serde(rename = "ES256")]
        Es256 = "ES256",
    }
}

/// One coordinate of a point on P-256, big-endian: as a JWK's `x` and `y` (RFC 7518 §6.2.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Coordinate(pub [u8; 32]);

/// The text is not 32 bytes in base64url.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a coordinate is 32 bytes in base64url without padding")]
pub struct CoordinateError;

impl fmt::Display for Coordinate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Coordinate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Coordinate {
    type Err = CoordinateError;

    fn from_str(text: &str) -> Result<Self, CoordinateError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| CoordinateError)?;
        bytes.try_into().map(Self).map_err(|_| CoordinateError)
    }
}

text_serde!(Coordinate, "Coordinate", "a coordinate on P-256: 32 bytes, base64url without padding", {
    "pattern": BYTES_32,
});
