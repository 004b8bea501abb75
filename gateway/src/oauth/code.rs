//! Authorization codes (RFC 6749 §4.1.2): one use, and a second one ends what the first gave.

use events::{GrantId, Holder, IssuerId, ScopeSet, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::refresh::Place;
use super::request::Request;
use crate::passing::Passes;

/// What a code stands for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Code {
    pub request: Request,
    pub holder: Holder,
    /// What was consented to.
    pub scopes: ScopeSet,
    /// At which the person signed in; `None`: by a key.
    pub issuer: Option<IssuerId>,
    /// The grant that it will give.
    pub grant: GrantId,
    /// By which it is given: a second redemption meets the first one's event.
    pub redemption: Uuid,
    pub issued_at: Timestamp,
    pub ends_at: Timestamp,
    pub state: State,
}

/// How far its redemption has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Issued,
    /// Somebody is at it: the grant is given, or is about to be.
    Redeemed {
        grant: GrantId,
    },
    /// It came a second time: the grant must end.
    Replayed {
        grant: GrantId,
    },
}

impl Passes for Code {
    const KIND: &'static str = "code";
}

/// A grant's refresh tokens.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Family {
    pub grant: GrantId,
    pub organization: events::OrganizationId,
    /// `client_id`, as the client says it.
    pub client: String,
    /// It came without a proof of who it is.
    pub was_public: bool,
    pub holder: Holder,
    pub resource: String,
    pub place: Place,
    /// The grant's end.
    pub ends_at: Timestamp,
}

impl Passes for Family {
    const KIND: &'static str = "family";
}

/// A code that was redeemed is remembered for so long: one that comes again ends what it gave.
pub const REMEMBERED: std::time::Duration = std::time::Duration::from_secs(3_600);
