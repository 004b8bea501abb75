//! Events of an organization.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::SealingKeyId;
use crate::position::Shard;
use crate::sealed::{Field, SealedText, optional};
use crate::slug::{Reservation, Slug, SlugKind};

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OrganizationEvent {
    Created(Created),
    Renamed(Renamed),
    Suspended(Suspended),
    Resumed(Resumed),
    Forgotten(Forgotten),
    ClientApprovalRequired(ClientApprovalRequired),
    ClientApprovalWaived(ClientApprovalWaived),
}

impl OrganizationEvent {
    pub(crate) fn sealed(&self) -> Vec<(Field, &SealedText)> {
        match self {
            Self::Created(Created { slug: _, name, home_shard: _ }) | Self::Renamed(Renamed { name }) => {
                vec![(Field::Name, name)]
            }
            Self::Suspended(Suspended { reason }) => optional(Field::Reason, reason),
            Self::Resumed(Resumed {})
            | Self::Forgotten(Forgotten { sealing_key: _ })
            | Self::ClientApprovalRequired(ClientApprovalRequired {})
            | Self::ClientApprovalWaived(ClientApprovalWaived {}) => Vec::new(),
        }
    }

    pub(crate) fn reserves(&self) -> Option<Reservation> {
        match self {
            Self::Created(Created { slug, .. }) => {
                Some(Reservation { kind: SlugKind::Organization, slug: slug.clone() })
            }
            Self::Renamed(_)
            | Self::Suspended(_)
            | Self::Resumed(_)
            | Self::Forgotten(_)
            | Self::ClientApprovalRequired(_)
            | Self::ClientApprovalWaived(_) => None,
        }
    }
}

/// `organization.created` version 1: an organization comes to be, with its slug.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Created {
    pub slug: Slug,
    pub name: SealedText,
    /// The shard that holds what the organization owns, for ever.
    pub home_shard: Shard,
}

/// `organization.renamed` version 1: its name, for people; its slug never changes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Renamed {
    pub name: SealedText,
}

/// `organization.suspended` version 1: none of its keys works until it is resumed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Suspended {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<SealedText>,
}

/// `organization.resumed` version 1: its keys work again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Resumed {}

/// `organization.forgotten` version 1: what people wrote of it and of all that it owns is erased wherever it can be
/// read, and the key that sealed it is deleted. The last event of a suspended organization; nothing of it works again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Forgotten {
    /// The key that is deleted.
    pub sealing_key: SealingKeyId,
}

/// `organization.client_approval_required` version 1: its people may use those clients alone that it approved.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ClientApprovalRequired {}

/// `organization.client_approval_waived` version 1: its people may use any client.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ClientApprovalWaived {}
