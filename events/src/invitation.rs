//! Events of an invitation: whoever has its secret may become a member, once, until it ends.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::KeyDigest;
use crate::id::{InvitationId, SecretId};
use crate::member::of_invitation;
use crate::role::Role;
use crate::scope::ScopeSet;
use crate::sealed::{Field, SealedText, optional};
use crate::slug::Reservation;
use crate::timestamp::Timestamp;
use crate::token::spelt;

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum InvitationEvent {
    Created(Created),
    Withdrawn(Withdrawn),
}

impl InvitationEvent {
    pub(crate) fn sealed(&self) -> Vec<(Field, &SealedText)> {
        match self {
            Self::Created(Created {
                role: _,
                scopes: _,
                secret_id: _,
                digest: _,
                expires_at: _,
                email,
                name,
            }) => {
                let mut fields = optional(Field::Email, email);
                fields.extend(optional(Field::Name, name));
                fields
            }
            Self::Withdrawn(Withdrawn { reason, invitation: _ }) => optional(Field::Reason, reason),
        }
    }

    /// The same that the member claims whom it makes: so it is withdrawn, or makes one, and never both.
    pub(crate) fn reserves(&self) -> Option<Reservation> {
        match self {
            Self::Created(_) => None,
            Self::Withdrawn(Withdrawn { invitation, .. }) => Some(of_invitation(*invitation)),
        }
    }
}

/// `invitation.created` version 1: who has the secret may become a member with this role.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Created {
    pub role: Role,
    /// What of MCP servers clients may be granted for the member.
    pub scopes: ScopeSet,
    pub secret_id: SecretId,
    pub digest: KeyDigest,
    #[serde(deserialize_with = "spelt")]
    pub expires_at: Timestamp,
    /// Whom it is meant for; no decision rests on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<SealedText>,
    /// What it is called, for those who look after invitations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<SealedText>,
}

/// `invitation.withdrawn` version 1: for ever. Nobody has become a member by it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Withdrawn {
    /// Its own id, which is claimed.
    pub invitation: InvitationId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<SealedText>,
}
