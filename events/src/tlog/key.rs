//! Keys of signed notes (C2SP signed-note), of logs and of those who cosign. Ed25519 (RFC 8032) alone.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{Context, SHA256};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::note::Signature;
use crate::signer::SigningKey;
use crate::token::text_serde;

/// What a key signs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Usage {
    /// A note's text: what a log does.
    Note,
    /// That a checkpoint is the newest of a log that only grew, and when: what a witness does.
    Cosignature,
}

impl Usage {
    /// The signature type of signed-note.
    fn byte(self) -> u8 {
        match self {
            Self::Note => 0x01,
            Self::Cosignature => 0x04,
        }
    }
}

/// A key that checks: its text is a C2SP verifier key, `<name>+<key id>+<type and public key>`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct VerifierKey {
    name: String,
    usage: Usage,
    public: [u8; 32],
}

/// It is no key for notes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("a key's name is 1 to 200 bytes without spaces, control characters and `+`")]
    Name,
    #[error("not a verifier key: `<name>+<8 hex digits>+<base64>` is one")]
    Form,
    #[error("the key is of a type that is not served: Ed25519 of a note (1) or a cosignature (4) is")]
    Type,
    #[error("the key's id is not the one that its name and bytes make")]
    Id,
    #[error("not an Ed25519 key")]
    Secret,
}

impl VerifierKey {
    pub fn new(name: &str, usage: Usage, public: [u8; 32]) -> Result<Self, KeyError> {
        if is_name(name) { Ok(Self { name: name.to_owned(), usage, public }) } else { Err(KeyError::Name) }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn usage(&self) -> Usage {
        self.usage
    }

    pub fn public(&self) -> &[u8; 32] {
        &self.public
    }

    /// With the name, what a signature line tells its key by.
    pub fn id(&self) -> u32 {
        let mut context = Context::new(&SHA256);
        context.update(self.name.as_bytes());
        context.update(b"\n");
        context.update(&[self.usage.byte()]);
        context.update(&self.public);
        let mut id = [0; 4];
        id.copy_from_slice(&context.finish().as_ref()[..4]);
        u32::from_be_bytes(id)
    }

    /// Whether the signature line says that this key made it.
    pub fn made(&self, signature: &Signature) -> bool {
        self.name == signature.name && self.id() == signature.key
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.public).verify(message, signature).is_ok()
    }
}

/// Whether a key may have this name.
fn is_name(name: &str) -> bool {
    (1..=200).contains(&name.len()) && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![self.usage.byte()];
        bytes.extend_from_slice(&self.public);
        write!(f, "{}+{:08x}+{}", self.name, self.id(), STANDARD.encode(bytes))
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Form);
        };
        let bytes = STANDARD.decode(key).map_err(|_| KeyError::Form)?;
        let (kind, public) = bytes.split_first().ok_or(KeyError::Form)?;
        let usage = match kind {
            0x01 => Usage::Note,
            0x04 => Usage::Cosignature,
            _ => return Err(KeyError::Type),
        };
        let key = Self::new(name, usage, public.try_into().map_err(|_| KeyError::Form)?)?;
        if id.len() != 8 {
            return Err(KeyError::Form);
        }
        if format!("{:08x}", key.id()) == id { Ok(key) } else { Err(KeyError::Id) }
    }
}

text_serde!(VerifierKey, "VerifierKey", "a key as `<name>+<key id>+<base64>` (C2SP signed-note)");

/// A log's private key for notes.
pub struct Signer {
    key: VerifierKey,
    signing: SigningKey,
}

impl Signer {
    /// A key of the log's, under the log's name.
    pub fn new(name: &str, signing: SigningKey) -> Result<Self, KeyError> {
        let key = VerifierKey::new(name, Usage::Note, signing.public().public.0)?;
        Ok(Self { key, signing })
    }

    pub fn verifier(&self) -> &VerifierKey {
        &self.key
    }

    pub(super) fn sign(&self, text: &str) -> Signature {
        let bytes = self.signing.sign(text.as_bytes()).0.to_vec();
        Signature { name: self.key.name.clone(), key: self.key.id(), bytes }
    }
}

/// A witness's private key.
pub struct Cosigner {
    key: VerifierKey,
    pair: Ed25519KeyPair,
}

impl Cosigner {
    /// From the 32 bytes of RFC 8032's private key. Never those of a key that signs anything else.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyError::Secret)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| KeyError::Secret)?;
        Ok(Self { key: VerifierKey::new(name, Usage::Cosignature, public)?, pair })
    }

    pub fn verifier(&self) -> &VerifierKey {
        &self.key
    }

    /// Cosigns a checkpoint's text as of this moment, in seconds since 1970.
    pub fn cosign(&self, text: &str, timestamp: u64) -> Signature {
        let mut bytes = timestamp.to_be_bytes().to_vec();
        bytes.extend_from_slice(self.pair.sign(cosigned(text, timestamp).as_bytes()).as_ref());
        Signature { name: self.key.name.clone(), key: self.key.id(), bytes }
    }
}

/// What a cosignature is over.
pub(super) fn cosigned(text: &str, timestamp: u64) -> String {
    format!("cosignature/v1\ntime {timestamp}\n{text}")
}
