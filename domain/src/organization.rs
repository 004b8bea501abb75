//! An organization: the tenant that owns servers and keys.

mod command;
mod decide;
mod refusal;
#[cfg(test)]
mod tests;

use events::organization::{
    ClientApprovalRequired, ClientApprovalWaived, Created, Forgotten, OrganizationEvent, Renamed, Resumed,
    Suspended,
};
use events::{SealedText, Shard, Slug};
use serde::{Deserialize, Serialize};

pub use command::Command;
pub use refusal::Refusal;

#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub enum Organization {
    #[default]
    Unknown,
    Known(Box<KnownOrganization>),
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KnownOrganization {
    pub slug: Slug,
    pub name: SealedText,
    /// Where the events of all that it owns lie.
    pub home_shard: Shard,
    pub suspended: bool,
    /// For ever; it is suspended as well.
    pub forgotten: bool,
    /// Its people may use those clients alone that it approved.
    pub requires_approval: bool,
}

impl Organization {
    /// The organization, once it is created.
    pub fn known(&self) -> Option<&KnownOrganization> {
        match self {
            Self::Unknown => None,
            Self::Known(known) => Some(known),
        }
    }

    fn applied(&mut self, event: &OrganizationEvent) {
        match (event, &mut *self) {
            (OrganizationEvent::Created(Created { slug, name, home_shard }), Self::Unknown) => {
                *self = Self::Known(Box::new(KnownOrganization {
                    slug: slug.clone(),
                    name: name.clone(),
                    home_shard: *home_shard,
                    suspended: false,
                    forgotten: false,
                    requires_approval: false,
                }));
            }
            (OrganizationEvent::Renamed(Renamed { name }), Self::Known(known)) => known.name = name.clone(),
            (OrganizationEvent::Suspended(Suspended { .. }), Self::Known(known)) => known.suspended = true,
            (OrganizationEvent::Resumed(Resumed {}), Self::Known(known)) => known.suspended = false,
            (OrganizationEvent::Forgotten(Forgotten { .. }), Self::Known(known)) => known.forgotten = true,
            (OrganizationEvent::ClientApprovalRequired(ClientApprovalRequired {}), Self::Known(known)) => {
                known.requires_approval = true;
            }
            (OrganizationEvent::ClientApprovalWaived(ClientApprovalWaived {}), Self::Known(known)) => {
                known.requires_approval = false;
            }
            // Decisions never make these: a second creation, or a change of what was never created.
            (OrganizationEvent::Created(_), Self::Known(_))
            | (
                OrganizationEvent::Renamed(_)
                | OrganizationEvent::Suspended(_)
                | OrganizationEvent::Resumed(_)
                | OrganizationEvent::Forgotten(_)
                | OrganizationEvent::ClientApprovalRequired(_)
                | OrganizationEvent::ClientApprovalWaived(_),
                Self::Unknown,
            ) => {}
        }
    }
}
