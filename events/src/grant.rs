//! Events of a grant: what a client may do on one server by somebody's right, until it ends.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::holder::Holder;
use crate::id::{ClientId, ServerId};
use crate::scope::ScopeSet;
use crate::sealed::{Field, SealedText, optional};
use crate::slug::Reservation;
use crate::timestamp::Timestamp;
use crate::token::{object, spelt};

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum GrantEvent {
    Given(Given),
    Ended(Ended),
}

impl GrantEvent {
    pub(crate) fn sealed(&self) -> Vec<(Field, &SealedText)> {
        match self {
            Self::Given(Given { holder: _, client: _, server: _, scopes: _, expires_at: _ }) => Vec::new(),
            Self::Ended(Ended { cause: _, reason }) => optional(Field::Reason, reason),
        }
    }

    pub(crate) fn reserves(&self) -> Option<Reservation> {
        match self {
            Self::Given(_) | Self::Ended(_) => None,
        }
    }
}

/// `grant.given` version 1: the client redeemed its code. Tokens of it name it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Given {
    #[serde(deserialize_with = "object")]
    pub holder: Holder,
    pub client: ClientId,
    pub server: ServerId,
    pub scopes: ScopeSet,
    /// However often its tokens are renewed.
    #[serde(deserialize_with = "spelt")]
    pub expires_at: Timestamp,
}

/// `grant.ended` version 1: for ever.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Ended {
    pub cause: EndCause,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<SealedText>,
}

crate::named! {
    /// Why a grant ended before its time.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum EndCause {
        /// Its holder, or an admin, ended it.
        Revoked = "revoked",
        /// Its code came a second time (RFC 6749 §4.1.2).
        CodeReplayed = "code_replayed",
        /// A refresh token came again that another had followed (RFC 9700 §4.14.2).
        RefreshReused = "refresh_reused",
        /// The client gave its token back (RFC 7009).
        ClientRevoked = "client_revoked",
        /// Another grant took its place.
        Superseded = "superseded",
    }
}
