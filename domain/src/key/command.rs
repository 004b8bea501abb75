//! What can be asked of a key.

use events::digest::KeyDigest;
use events::key::{Environment, KeyOwner};
use events::{Actor, ScopeSet, SealedText, SecretId, Timestamp};

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    Issue(Box<Issue>),
    /// For ever.
    Revoke {
        reason: Option<SealedText>,
    },
    /// Refused until it is enabled.
    Disable {
        reason: Option<SealedText>,
    },
    Enable,
    /// `None`: never expires.
    SetExpiry {
        expires_at: Option<Timestamp>,
    },
    Rename {
        name: SealedText,
    },
    SetScopes {
        scopes: ScopeSet,
    },
    /// `None`: no metadata.
    SetMetadata {
        metadata: Option<SealedText>,
    },
}

/// A new key. Its secret is drawn outside: the command carries what the log may know of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Issue {
    pub secret_id: SecretId,
    pub digest: KeyDigest,
    pub prefix: String,
    pub last_four: String,
    pub owner: KeyOwner,
    pub environment: Environment,
    pub not_before: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
    pub scopes: ScopeSet,
    pub issued_by: Actor,
    pub name: SealedText,
    pub metadata: Option<SealedText>,
}
