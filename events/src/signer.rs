//! The keys that sign (Ed25519, RFC 8032): what of them the log holds, and the private half of one.
//!
//! A private half is made of its seed, which whoever keeps it wipes; the crypto library wipes its own copy.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::id::SignerId;
use crate::token::{BYTES_32, object, text_serde};

crate::named! {
    /// What a key may sign. One key has one purpose.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum SignerPurpose {
        /// Events.
        Writer = "writer",
        /// Heads of the log: its size and root.
        Checkpoint = "checkpoint",
    }
}

impl fmt::Display for SignerPurpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A key as the log publishes it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, JsonSchema)]
pub struct SignerKey {
    pub id: SignerId,
    pub public: PublicKey,
}

impl<'de> Deserialize<'de> for SignerKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Members {
            id: SignerId,
            public: PublicKey,
        }
        let Members { id, public } = object(deserializer)?;
        Ok(Self { id, public })
    }
}

/// A public key, as RFC 8032 §5.1.5 encodes it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey(pub [u8; 32]);

/// A signature, as RFC 8032 §5.1.6 encodes it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

/// The text is not so many bytes in base64url without padding.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is not {bytes} bytes in base64url without padding")]
pub struct EncodingError {
    pub bytes: usize,
}

macro_rules! bytes {
    ($type:ident, $name:literal, $bytes:literal, $pattern:expr, $description:literal) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $type {
            type Err = EncodingError;

            fn from_str(text: &str) -> Result<Self, EncodingError> {
                let wrong = || EncodingError { bytes: $bytes };
                let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?;
                bytes.try_into().map(Self).map_err(|_| wrong())
            }
        }

        text_serde!($type, $name, $description, { "pattern": $pattern });
    };
}

bytes!(PublicKey, "PublicKey", 32, BYTES_32, "an Ed25519 public key: 32 bytes, base64url without padding");
// The last of the 86 digits holds two bits.
bytes!(
    Signature,
    "Signature",
    64,
    "^[A-Za-z0-9_-]{85}[AQgw]$",
    "an Ed25519 signature: 64 bytes, base64url without padding"
);

impl PublicKey {
    /// Whether this key signed the message.
    pub fn verifies(&self, message: &[u8], signature: &Signature) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(message, &signature.0).is_ok()
    }
}

/// A private key with its id.
pub struct SigningKey {
    id: SignerId,
    pair: Ed25519KeyPair,
}

impl SigningKey {
    /// The key of a seed (RFC 8032 §5.1.5); `None`: the crypto library refuses it.
    pub fn from_seed(id: SignerId, seed: &[u8; 32]) -> Option<Self> {
        Some(Self { id, pair: Ed25519KeyPair::from_seed_unchecked(seed).ok()? })
    }

    pub fn id(&self) -> SignerId {
        self.id
    }

    /// What the log publishes of it.
    pub fn public(&self) -> SignerKey {
        let mut public = [0; 32];
        public.iter_mut().zip(self.pair.public_key().as_ref()).for_each(|(to, from)| *to = *from);
        SignerKey { id: self.id, public: PublicKey(public) }
    }

    pub fn sign(&self, message: &[u8]) -> Signature {
        let mut signature = [0; 64];
        signature.iter_mut().zip(self.pair.sign(message).as_ref()).for_each(|(to, from)| *to = *from);
        Signature(signature)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.id)
    }
}
