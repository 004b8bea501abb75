//! Events of an OAuth client: who asks people, in their browsers, to let it act for them.

mod keys;
mod metadata;
mod text;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::keys::{ClientKey, ClientKeys};
pub use self::metadata::ClientMetadata;
pub use self::text::{Bounded, BoundedError, ScopeText, TextError, Uri, Word};
use crate::digest::KeyDigest;
use crate::id::SecretId;
use crate::sealed::{Field, SealedText, optional};
use crate::slug::Reservation;
use crate::timestamp::Timestamp;
use crate::token::{object, spelt_if_any};

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ClientEvent {
    Registered(Box<Registered>),
    Changed(Box<Changed>),
    SecretIssued(SecretIssued),
    SecretRevoked(SecretRevoked),
    Disabled(Disabled),
    Enabled(Enabled),
    Removed(Removed),
}

impl ClientEvent {
    pub(crate) fn sealed(&self) -> Vec<(Field, &SealedText)> {
        match self {
            Self::Registered(registered) => {
                let Registered { origin: _, metadata: _, name } = &**registered;
                vec![(Field::Name, name)]
            }
            Self::Changed(changed) => {
                let Changed { metadata: _, name } = &**changed;
                optional(Field::Name, name)
            }
            Self::Disabled(Disabled { reason })
            | Self::Enabled(Enabled { reason })
            | Self::Removed(Removed { reason }) => optional(Field::Reason, reason),
            Self::SecretIssued(SecretIssued { secret_id: _, digest: _, expires_at: _ })
            | Self::SecretRevoked(SecretRevoked { secret_id: _ }) => Vec::new(),
        }
    }

    pub(crate) fn reserves(&self) -> Option<Reservation> {
        match self {
            Self::Registered(_)
            | Self::Changed(_)
            | Self::SecretIssued(_)
            | Self::SecretRevoked(_)
            | Self::Disabled(_)
            | Self::Enabled(_)
            | Self::Removed(_) => None,
        }
    }
}

/// How a client came to be known.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Origin {
    /// By its Client ID Metadata Document at this URL, which is its `client_id`.
    Document { url: Uri },
    /// By Dynamic Client Registration (RFC 7591).
    Dynamic,
    /// An operator, or an organization's admin, entered it.
    Given,
}

impl Origin {
    /// Its kind as it is written.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Document { url: _ } => "document",
            Self::Dynamic => "dynamic",
            Self::Given => "given",
        }
    }
}

/// `client.registered` version 1: from now on it may ask for grants.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Registered {
    #[serde(deserialize_with = "object")]
    pub origin: Origin,
    #[serde(deserialize_with = "object")]
    pub metadata: ClientMetadata,
    /// What it calls itself.
    pub name: SealedText,
}

/// `client.changed` version 1: all that it says of itself from now on; a name that is absent stays as it was. It ends no
/// grant by itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Changed {
    #[serde(deserialize_with = "object")]
    pub metadata: ClientMetadata,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<SealedText>,
}

/// `client.secret_issued` version 1: a further secret (RFC 6749 §2.3.1) proves that it is this client.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SecretIssued {
    pub secret_id: SecretId,
    pub digest: KeyDigest,
    /// Absent: it does not end by itself.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "spelt_if_any")]
    pub expires_at: Option<Timestamp>,
}

/// `client.secret_revoked` version 1: it proves nothing any more.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SecretRevoked {
    pub secret_id: SecretId,
}

/// `client.disabled` version 1: none of its grants works until it is enabled.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Disabled {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<SealedText>,
}

/// `client.enabled` version 1: its grants work again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Enabled {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<SealedText>,
}

/// `client.removed` version 1: for ever, with all its grants.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Removed {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<SealedText>,
}
