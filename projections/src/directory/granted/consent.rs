//! What a node holds of a consent.

use std::sync::Arc;

use events::consent::{ConsentEvent, Given};
use events::{ClientId, ConsentId, Holder, OrganizationId, ScopeSet, ServerId};

use crate::directory::newest::{Cause, Newest};

/// What somebody lets a client do on a server, as of one event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConsentEntry {
    pub id: ConsentId,
    pub organization: OrganizationId,
    pub holder: Holder,
    pub client: ClientId,
    pub server: ServerId,
    /// None of one that is withdrawn.
    pub scopes: Arc<ScopeSet>,
    pub state: ConsentState,
    /// The sequence of the event by which it was given, and has not been withdrawn since: a grant of before rests on
    /// another consent, which is no more.
    pub since: u64,
    /// The sequence of the event that made this entry.
    pub generation: u64,
    /// The newest event, which may have changed nothing here.
    pub newest: Newest,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ConsentState {
    Given,
    Withdrawn,
    /// An event of it can't be read here.
    Closed,
}

impl ConsentEntry {
    pub(super) fn given(
        id: ConsentId,
        organization: OrganizationId,
        given: &Given,
        scopes: Arc<ScopeSet>,
        cause: Cause,
    ) -> Self {
        Self {
            id,
            organization,
            holder: given.holder,
            client: given.client,
            server: given.server,
            scopes,
            state: ConsentState::Given,
            since: cause.sequence,
            generation: cause.sequence,
            newest: cause.newest,
        }
    }

    /// The entry after an event; `None` when a node has nothing to change. `intern` shares equal scopes.
    pub(super) fn after(
        &self,
        event: &ConsentEvent,
        cause: Cause,
        intern: impl FnOnce(&ScopeSet) -> Arc<ScopeSet>,
    ) -> Option<Self> {
        let entry = Self { generation: cause.sequence, newest: cause.newest, ..self.clone() };
        match (event, self.state) {
            (_, ConsentState::Closed) | (ConsentEvent::Withdrawn(_), ConsentState::Withdrawn) => None,
            (ConsentEvent::Given(given), ConsentState::Given) if given.scopes == *self.scopes => None,
            (ConsentEvent::Given(given), ConsentState::Given) => {
                Some(Self { scopes: intern(&given.scopes), ..entry })
            }
            (ConsentEvent::Given(given), ConsentState::Withdrawn) => Some(Self {
                scopes: intern(&given.scopes),
                state: ConsentState::Given,
                since: cause.sequence,
                ..entry
            }),
            (ConsentEvent::Withdrawn(_), ConsentState::Given) => {
                let scopes = intern(&ScopeSet::nothing());
                Some(Self { scopes, state: ConsentState::Withdrawn, ..entry })
            }
        }
    }
}
