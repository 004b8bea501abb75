//! A grant's decisions.

use events::AggregateType;
use events::grant::{Ended, GrantEvent};

use super::{Command, Grant, Refusal};
use crate::aggregate::{Decide, Facts, Room, Standing};

impl Decide for Grant {
    const TYPE: &'static str = "grant";
    type Command = Command;
    type Event = GrantEvent;
    type Refusal = Refusal;

    fn aggregate_type() -> AggregateType {
        AggregateType::Grant
    }

    fn decide(&self, command: &Command, facts: &Facts) -> Result<Vec<GrantEvent>, Refusal> {
        match (self, command) {
            (Self::Unknown, Command::Give(asked)) => {
                may_give(facts.owner)?;
                if !asked.scopes.is_mcp() {
                    return Err(Refusal::Management);
                }
                if asked.expires_at <= facts.now {
                    return Err(Refusal::ExpiryInThePast);
                }
                Ok(vec![GrantEvent::Given((**asked).clone())])
            }
            (Self::Unknown, Command::End { .. }) => Err(Refusal::Unknown),
            (Self::Known { .. }, Command::Give(_)) => Err(Refusal::AlreadyGiven),
            // Whatever ends it a second time finds it so.
            (Self::Known { given: _, ended: Some(_) }, Command::End { .. }) => Ok(vec![]),
            (Self::Known { given: _, ended: None }, Command::End { cause, reason }) => {
                Ok(vec![GrantEvent::Ended(Ended { cause: *cause, reason: reason.clone() })])
            }
        }
    }

    fn creates(command: &Command) -> bool {
        matches!(command, Command::Give(_))
    }

    fn urgent(command: &Command) -> bool {
        matches!(command, Command::End { .. })
    }

    fn room(&self, command: &Command) -> Room {
        match command {
            Command::Give(_) => Room::Bound,
            Command::End { .. } => Room::Always,
        }
    }

    fn apply(&mut self, event: &GrantEvent) {
        self.applied(event);
    }

    fn admits(&self, event: &GrantEvent) -> bool {
        match (self, event) {
            (Self::Unknown, GrantEvent::Given(given)) => given.scopes.is_mcp(),
            (Self::Unknown, GrantEvent::Ended(_)) | (Self::Known { .. }, GrantEvent::Given(_)) => false,
            (Self::Known { given: _, ended }, GrantEvent::Ended(_)) => ended.is_none(),
        }
    }
}

fn may_give(owner: Standing) -> Result<(), Refusal> {
    match owner {
        Standing::Active => Ok(()),
        Standing::Suspended => Err(Refusal::OrganizationSuspended),
        Standing::Closed => Err(Refusal::OrganizationClosed),
        // The installation has no servers that people use.
        Standing::Unknown | Standing::NotAsked | Standing::Installation => Err(Refusal::OrganizationUnknown),
    }
}
