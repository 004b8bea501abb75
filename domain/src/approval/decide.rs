//! An approval's decisions.

use events::AggregateType;
use events::approval::{ApprovalEvent, Given, Withdrawn};

use super::{Approval, Command, Refusal};
use crate::aggregate::{Decide, Facts, Room, Standing};

impl Decide for Approval {
    const TYPE: &'static str = "approval";
    type Command = Command;
    type Event = ApprovalEvent;
    type Refusal = Refusal;

    fn aggregate_type() -> AggregateType {
        AggregateType::Approval
    }

    fn decide(&self, command: &Command, facts: &Facts) -> Result<Vec<ApprovalEvent>, Refusal> {
        match (self, command) {
            (Self::Known { client: _, withdrawn: false }, Command::Give { .. }) => Ok(vec![]),
            (Self::Unknown | Self::Known { client: _, withdrawn: true }, Command::Give { client }) => {
                may_give(facts.owner)?;
                Ok(vec![ApprovalEvent::Given(Given { client: *client })])
            }
            (Self::Unknown, Command::Withdraw { .. }) => Err(Refusal::Unknown),
            // A reason is sealed, so nobody can tell whether it is the same one: it is always recorded.
            (Self::Known { client: _, withdrawn: true }, Command::Withdraw { reason: None }) => Ok(vec![]),
            (Self::Known { .. }, Command::Withdraw { reason }) => {
                Ok(vec![ApprovalEvent::Withdrawn(Withdrawn { reason: reason.clone() })])
            }
        }
    }

    fn creates(command: &Command) -> bool {
        matches!(command, Command::Give { .. })
    }

    fn urgent(command: &Command) -> bool {
        matches!(command, Command::Withdraw { .. })
    }

    fn room(&self, command: &Command) -> Room {
        match (self, command) {
            (Self::Known { client: _, withdrawn: false }, Command::Withdraw { .. }) => Room::Always,
            (Self::Unknown | Self::Known { .. }, Command::Give { .. } | Command::Withdraw { .. }) => {
                Room::Bound
            }
        }
    }

    fn apply(&mut self, event: &ApprovalEvent) {
        self.applied(event);
    }

    fn admits(&self, event: &ApprovalEvent) -> bool {
        match (self, event) {
            (Self::Unknown, event) => matches!(event, ApprovalEvent::Given(_)),
            (Self::Known { client, withdrawn }, ApprovalEvent::Given(given)) => {
                *withdrawn && given.client == *client
            }
            (Self::Known { .. }, ApprovalEvent::Withdrawn(_)) => true,
        }
    }
}

fn may_give(owner: Standing) -> Result<(), Refusal> {
    match owner {
        Standing::Active => Ok(()),
        Standing::Suspended => Err(Refusal::OrganizationSuspended),
        Standing::Closed => Err(Refusal::OrganizationClosed),
        // The installation has no people of its own.
        Standing::Unknown | Standing::NotAsked | Standing::Installation => Err(Refusal::OrganizationUnknown),
    }
}
