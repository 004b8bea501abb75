//! What a node holds of an approval.

use events::approval::{ApprovalEvent, Given};
use events::{ApprovalId, ClientId, OrganizationId};

use crate::directory::newest::{Cause, Newest};

/// Whether an organization lets its people use a client, as of one event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApprovalEntry {
    pub id: ApprovalId,
    pub organization: OrganizationId,
    pub client: ClientId,
    pub state: ApprovalState,
    /// The sequence of the event that made this entry.
    pub generation: u64,
    /// The newest event, which may have changed nothing here.
    pub newest: Newest,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ApprovalState {
    Given,
    Withdrawn,
    /// An event of it can't be read here.
    Closed,
}

impl ApprovalEntry {
    pub(super) fn given(id: ApprovalId, organization: OrganizationId, given: &Given, cause: Cause) -> Self {
        let Given { client } = *given;
        let Cause { sequence: generation, newest } = cause;
        Self { id, organization, client, state: ApprovalState::Given, generation, newest }
    }

    /// The entry after an event; `None` when a node has nothing to change.
    pub(super) fn after(&self, event: &ApprovalEvent, cause: Cause) -> Option<Self> {
        let state = match (event, self.state) {
            (_, ApprovalState::Closed)
            | (ApprovalEvent::Given(_), ApprovalState::Given)
            | (ApprovalEvent::Withdrawn(_), ApprovalState::Withdrawn) => return None,
            (ApprovalEvent::Given(_), ApprovalState::Withdrawn) => ApprovalState::Given,
            (ApprovalEvent::Withdrawn(_), ApprovalState::Given) => ApprovalState::Withdrawn,
        };
        Some(Self { state, generation: cause.sequence, newest: cause.newest, ..self.clone() })
    }
}
