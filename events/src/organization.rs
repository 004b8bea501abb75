//! Events of an organization.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::position::Shard;
use crate::sealed::SealedText;
use crate::slug::{Reservation, Slug, SlugKind};

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OrganizationEvent {
    Created(Created),
    Renamed(Renamed),
    Suspended(Suspended),
    Resumed(Resumed),
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

impl Created {
    pub(crate) fn reserves(&self) -> Reservation {
        Reservation { kind: SlugKind::Organization, slug: self.slug.clone() }
    }
}
