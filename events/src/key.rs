//! Events of an API key.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::digest::KeyDigest;
use crate::id::{SecretId, UserId};
use crate::scope::ScopeSet;
use crate::sealed::{Field, SealedText, optional};
use crate::slug::Reservation;
use crate::timestamp::Timestamp;
use crate::token::{object, spelt_if_any};

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

impl KeyEvent {
    pub(crate) fn sealed(&self) -> Vec<(Field, &SealedText)> {
        match self {
            Self::Issued(Issued {
                name,
                metadata,
                secret_id: _,
                digest: _,
                prefix: _,
                last_four: _,
                owner: _,
                environment: _,
                not_before: _,
                expires_at: _,
                scopes: _,
                issued_by: _,
            }) => {
                let mut fields = vec![(Field::Name, name)];
                fields.extend(optional(Field::Metadata, metadata));
                fields
            }
            Self::Renamed(Renamed { name }) => vec![(Field::Name, name)],
            Self::MetadataChanged(MetadataChanged { metadata }) => optional(Field::Metadata, metadata),
            Self::Revoked(Revoked { reason }) | Self::Disabled(Disabled { reason }) => {
                optional(Field::Reason, reason)
            }
            Self::Enabled(Enabled {})
            | Self::ExpiryChanged(ExpiryChanged { expires_at: _ })
            | Self::ScopesChanged(ScopesChanged { scopes: _ }) => Vec::new(),
        }
    }

    pub(crate) fn reserves(&self) -> Option<Reservation> {
        match self {
            Self::Issued(_)
            | Self::Revoked(_)
            | Self::Disabled(_)
            | Self::Enabled(_)
            | Self::ExpiryChanged(_)
            | Self::Renamed(_)
            | Self::ScopesChanged(_)
            | Self::MetadataChanged(_) => None,
        }
    }
}

/// `key.issued` version 1: a key, and what it may do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Issued {
    pub secret_id: SecretId,
    pub digest: KeyDigest,
    /// The key's first part, such as `kl_live`: with the last four characters what people know it by.
    pub prefix: String,
    pub last_four: String,
    #[serde(deserialize_with = "object")]
    pub owner: KeyOwner,
    pub environment: Environment,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "spelt_if_any")]
    pub not_before: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "spelt_if_any")]
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

crate::named! {
    /// What the key is for, by its owner's word; no decision rests on it.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum Environment {
        Live = "live",
        Test = "test",
    }
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
    #[serde(default, deserialize_with = "spelt_if_any")]
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
