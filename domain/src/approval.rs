//! An approval: an organization lets its people use a client. It may be withdrawn, and given again.

mod command;
mod decide;
mod refusal;
#[cfg(test)]
mod tests;

use events::ClientId;
use events::approval::{ApprovalEvent, Given};
use serde::{Deserialize, Serialize};

pub use command::Command;
pub use refusal::Refusal;

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub enum Approval {
    #[default]
    Unknown,
    Known {
        client: ClientId,
        withdrawn: bool,
    },
}

impl Approval {
    /// The client that may be used now.
    pub fn standing(&self) -> Option<ClientId> {
        match self {
            Self::Unknown | Self::Known { client: _, withdrawn: true } => None,
            Self::Known { client, withdrawn: false } => Some(*client),
        }
    }

    fn applied(&mut self, event: &ApprovalEvent) {
        match (event, &mut *self) {
            (ApprovalEvent::Given(Given { client }), _) => {
                *self = Self::Known { client: *client, withdrawn: false };
            }
            (ApprovalEvent::Withdrawn(_), Self::Known { client: _, withdrawn }) => *withdrawn = true,
            // Decisions never make this: what was never given is withdrawn.
            (ApprovalEvent::Withdrawn(_), Self::Unknown) => {}
        }
    }
}
