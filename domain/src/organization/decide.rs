//! An organization's decisions.

use events::organization::{
    ClientApprovalRequired, ClientApprovalWaived, Created, Forgotten, OrganizationEvent, Renamed, Resumed,
    Suspended,
};
use events::{AggregateType, Shard, Slug};

use super::{Command, KnownOrganization, Organization, Refusal};
use crate::aggregate::{Decide, Facts, Room};

impl Decide for Organization {
    const TYPE: &'static str = "organization";
    type Command = Command;
    type Event = OrganizationEvent;
    type Refusal = Refusal;

    fn aggregate_type() -> AggregateType {
        AggregateType::Organization
    }

    fn decide(&self, command: &Command, _: &Facts) -> Result<Vec<OrganizationEvent>, Refusal> {
        match (self, command) {
            (Self::Unknown, Command::Create { slug, name }) => {
                let created = Created { slug: slug.clone(), name: name.clone(), home_shard: Shard::ZERO };
                Ok(vec![OrganizationEvent::Created(created)])
            }
            (
                Self::Unknown,
                Command::Rename { .. }
                | Command::Suspend { .. }
                | Command::Resume
                | Command::SetClientApproval { .. }
                | Command::Forget,
            ) => Err(Refusal::Unknown),
            (Self::Known(_), Command::Create { .. }) => Err(Refusal::AlreadyCreated),
            (Self::Known(known), Command::Forget) if !known.suspended => Err(Refusal::NotSuspended),
            (
                Self::Known(known),
                Command::Rename { .. }
                | Command::Suspend { .. }
                | Command::Resume
                | Command::SetClientApproval { .. },
            ) if known.forgotten => Err(Refusal::Forgotten),
            (Self::Known(known), command) => Ok(known.change(command).into_iter().collect()),
        }
    }

    fn creates(command: &Command) -> bool {
        match command {
            Command::Create { .. } => true,
            Command::Rename { .. }
            | Command::Suspend { .. }
            | Command::Resume
            | Command::SetClientApproval { .. }
            | Command::Forget => false,
        }
    }

    fn urgent(command: &Command) -> bool {
        match command {
            // Only where it takes something away.
            Command::SetClientApproval { required } => *required,
            Command::Suspend { .. } => true,
            Command::Create { .. } | Command::Rename { .. } | Command::Resume | Command::Forget => false,
        }
    }

    fn room(&self, command: &Command) -> Room {
        let Some(known) = self.known() else { return Room::Bound };
        match command {
            Command::Suspend { .. } if !known.suspended => Room::Always,
            Command::Forget => Room::Always,
            Command::Resume => Room::Reserve,
            Command::SetClientApproval { required: true } => Room::Reserve,
            Command::Create { .. }
            | Command::Rename { .. }
            | Command::Suspend { .. }
            | Command::SetClientApproval { required: false } => Room::Bound,
        }
    }

    fn apply(&mut self, event: &OrganizationEvent) {
        self.applied(event);
    }

    fn admits(&self, event: &OrganizationEvent) -> bool {
        match (self, event) {
            (Self::Unknown, event) => matches!(event, OrganizationEvent::Created(_)),
            (Self::Known(_), OrganizationEvent::Created(_)) => false,
            (Self::Known(known), _) if known.forgotten => false,
            (Self::Known(_), OrganizationEvent::Renamed(_) | OrganizationEvent::Suspended(_)) => true,
            (Self::Known(known), OrganizationEvent::Resumed(_) | OrganizationEvent::Forgotten(_)) => {
                known.suspended
            }
            (Self::Known(known), OrganizationEvent::ClientApprovalRequired(_)) => !known.requires_approval,
            (Self::Known(known), OrganizationEvent::ClientApprovalWaived(_)) => known.requires_approval,
        }
    }

    fn slug_taken(slug: &Slug) -> Option<Refusal> {
        Some(Refusal::SlugTaken { slug: slug.clone() })
    }
}

impl KnownOrganization {
    /// `None`: already so.
    fn change(&self, command: &Command) -> Option<OrganizationEvent> {
        match command {
            Command::Create { .. } => None,
            Command::Rename { name } => Some(OrganizationEvent::Renamed(Renamed { name: name.clone() })),
            // A reason is sealed, so nobody can tell whether it is the same one: it is always recorded.
            Command::Suspend { reason } => (!self.suspended || reason.is_some())
                .then(|| OrganizationEvent::Suspended(Suspended { reason: reason.clone() })),
            Command::Resume => self.suspended.then_some(OrganizationEvent::Resumed(Resumed {})),
            Command::SetClientApproval { required } if *required == self.requires_approval => None,
            Command::SetClientApproval { required: true } => {
                Some(OrganizationEvent::ClientApprovalRequired(ClientApprovalRequired {}))
            }
            Command::SetClientApproval { required: false } => {
                Some(OrganizationEvent::ClientApprovalWaived(ClientApprovalWaived {}))
            }
            // One key seals all its texts, its name among them.
            Command::Forget => (!self.forgotten)
                .then_some(OrganizationEvent::Forgotten(Forgotten { sealing_key: self.name.key })),
        }
    }
}
