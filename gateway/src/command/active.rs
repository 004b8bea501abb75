//! Which organizations are active, and who owns them, by what this process follows.
//!
//! A create that rests on it may come into the log right after its owner's suspension, as one could that was decided
//! before it: keys of a suspended organization work nowhere, whenever they were made. Whoever needs to know that nothing
//! of the kind follows waits for the fleet (`wait=fleet`), as with every change.

use std::sync::Arc;
use std::time::Duration;

use domain::{Active, OrganizationOwners, Owning};
use events::OrganizationId;
use projections::directory::{Directory, Gate, OrganizationState, OwnersOf};

/// What is followed was complete so long ago at most: the log is asked each second.
const MOMENTS: Duration = Duration::from_secs(3);

pub struct Followed {
    pub directory: Arc<Directory>,
    pub gate: Arc<Gate>,
}

impl Active for Followed {
    fn is_active(&self, organization: OrganizationId, at_least: u64) -> bool {
        self.gate.check().is_ok()
            && self.directory.applied() >= at_least
            && self.gate.age().is_some_and(|age| age <= MOMENTS)
            && self
                .directory
                .organization(organization)
                .is_some_and(|entry| entry.state == OrganizationState::Active)
    }
}

/// Whoever asks reads each of them anew, and is refused by the log where another left meanwhile.
impl Owning for Followed {
    fn owners(&self, organization: OrganizationId) -> OrganizationOwners {
        let OwnersOf { departures, owners } = self.directory.owners_of(organization);
        OrganizationOwners { departures, members: owners }
    }
}
