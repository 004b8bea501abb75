//! Events of a member: what a person is in an organization.

use std::fmt;
use std::num::NonZeroU32;

use aws_lc_rs::digest::{Context, SHA256};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::{InvitationId, MemberId, OrganizationId, UserId};
use crate::parts;
use crate::role::Role;
use crate::scope::ScopeSet;
use crate::sealed::{Field, SealedText, optional};
use crate::slug::{Reservation, Slug, SlugKind};

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MemberEvent {
    Added(Added),
    Changed(Changed),
    Removed(Removed),
}

impl MemberEvent {
    pub(crate) fn sealed(&self) -> Vec<(Field, &SealedText)> {
        match self {
            Self::Added(Added { person: _, role: _, scopes: _, invitation: _ })
            | Self::Changed(Changed { role: _, scopes: _, departure: _ }) => Vec::new(),
            Self::Removed(Removed { reason, departure: _ }) => optional(Field::Reason, reason),
        }
    }

    /// An invitation makes one member. Owners of an organization leave one after another.
    pub(crate) fn reserves(&self) -> Option<Reservation> {
        match self {
            Self::Added(Added { invitation, .. }) => invitation.map(of_invitation),
            Self::Changed(Changed { departure, .. }) | Self::Removed(Removed { departure, .. }) => {
                departure.map(|number| Reservation { kind: SlugKind::Departure, slug: Slug::written(number) })
            }
        }
    }
}

/// What an invitation comes to, which whoever decides it claims.
pub(crate) fn of_invitation(id: InvitationId) -> Reservation {
    Reservation { kind: SlugKind::Invitation, slug: Slug::written(id) }
}

impl MemberId {
    /// A person is one member of an organization, also when added again: a UUID of version 8 (RFC 9562 §5.8) of the first
    /// 16 bytes of SHA-256 over both ids, each with its length in bytes (u64, big-endian) before it.
    pub fn of(organization: OrganizationId, person: UserId) -> Self {
        let mut hash = Context::new(&SHA256);
        for part in [organization.to_string(), person.to_string()] {
            parts::write(part.as_bytes(), |piece| hash.update(piece));
        }
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(hash.finish().as_ref()).for_each(|(to, from)| *to = *from);
        Self::new(Uuid::new_v8(bytes))
    }
}

/// The how manieth owner it is who left an organization: 1, 2, 3 and so on. Each number is claimed once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Departure(pub NonZeroU32);

impl Departure {
    /// The one that comes after so many.
    pub fn after(departures: u32) -> Self {
        Self(NonZeroU32::MIN.saturating_add(departures))
    }
}

impl fmt::Display for Departure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl JsonSchema for Departure {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Departure".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "integer", "minimum": 1, "maximum": u32::MAX })
    }
}

/// `member.added` version 1: the person belongs to the organization from now on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Added {
    pub person: UserId,
    pub role: Role,
    /// What of MCP servers clients may be granted for this person.
    pub scopes: ScopeSet,
    /// By which the person came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation: Option<InvitationId>,
}

/// `member.changed` version 1: what the person is there from now on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Changed {
    pub role: Role,
    pub scopes: ScopeSet,
    /// Where an owner is one no longer: the how manieth of the organization that this is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub departure: Option<Departure>,
}

/// `member.removed` version 1: nothing that the person has there works any more. The person may be added again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Removed {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<SealedText>,
    /// Where it was an owner: the how manieth of the organization that left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub departure: Option<Departure>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Members lie under these ids in every log: they never change.
    #[test]
    fn a_members_id_is_made_of_organization_and_person() {
        let of = |organization, person| {
            let organization = OrganizationId::new(Uuid::from_u128(organization));
            MemberId::of(organization, UserId::new(Uuid::from_u128(person))).to_string()
        };
        assert_eq!(of(1, 2), "1fb156b1-c252-8d71-90d2-3efa47945293");
        assert_ne!(of(1, 2), of(2, 1));
    }
}
