//! Events of an API key.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::digest::KeyDigest;
use crate::id::{SecretId, UserId};
use crate::scope::ScopeSet;
use crate::sealed::SealedText;
use crate::timestamp::Timestamp;

#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "most of a log's events are issued keys: a box would cost an allocation each"
)]
pub enum KeyEvent {
    Issued(Issued),
    Revoked(Revoked),
    Disabled(Disabled),
    Enabled(Enabled),
    ExpiryChanged(ExpiryChanged),
    Renamed(Renamed),
    ScopesChanged(ScopesChanged),
    MetadataChanged(MetadataChanged),
}

/// `key.issued` version 1: a key, and what it may do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Issued {
    pub secret_id: SecretId,
    pub digest: KeyDigest,
    /// The key's first part, such as `kl_live`: with the last four characters what people know it by.
    pub prefix: String,
    pub last_four: String,
    pub owner: KeyOwner,
    pub environment: Environment,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    pub scopes: ScopeSet,
    pub issued_by: Actor,
    pub name: SealedText,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<SealedText>,
}

/// For whom the key speaks.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum KeyOwner {
    /// The installation itself: an operator's key.
    Installation,
    /// The organization that the event's envelope names.
    Organization,
    User {
        id: UserId,
    },
    Service {
        id: UserId,
    },
}

/// What the key is for, by its owner's word; no decision rests on it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    Live,
    Test,
}

/// `key.revoked` version 1: for ever.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Revoked {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<SealedText>,
}

/// `key.disabled` version 1: refused until it is enabled.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Disabled {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<SealedText>,
}

/// `key.enabled` version 1: it works again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Enabled {}

/// `key.expiry_changed` version 1: when it ends, from now on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ExpiryChanged {
    /// `null`: never expires.
    pub expires_at: Option<Timestamp>,
}

/// `key.renamed` version 1: its name, for people.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Renamed {
    pub name: SealedText,
}

/// `key.scopes_changed` version 1: all that it may do, from now on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ScopesChanged {
    pub scopes: ScopeSet,
}

/// `key.metadata_changed` version 1: its owner's notes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct MetadataChanged {
    /// Sealed JSON object; `null`: none.
    pub metadata: Option<SealedText>,
}
