//! What a node holds of a grant.

use std::sync::Arc;

use events::grant::{Given, GrantEvent};
use events::{
    ApprovalId, ClientId, ConsentId, GrantId, Holder, OrganizationId, ScopeSet, ServerId, Timestamp,
};

use crate::directory::newest::{Cause, Newest};

/// One grant as of one event. Whether it works is more than it says itself: all that it comes of must stand as well.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GrantEntry {
    pub id: GrantId,
    pub organization: OrganizationId,
    /// By whose right.
    pub holder: Holder,
    pub client: ClientId,
    pub server: ServerId,
    /// None of one that ended.
    pub scopes: Arc<ScopeSet>,
    pub expires_at: Timestamp,
    pub state: GrantState,
    /// The sequence of the event that gave it.
    pub given: u64,
    /// The consent that it comes of, and the approval, where its organization requires one.
    pub consent: ConsentId,
    pub approval: ApprovalId,
    /// The sequence of the event that made this entry.
    pub generation: u64,
    /// The newest event, which may have changed nothing here.
    pub newest: Newest,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum GrantState {
    Active,
    /// For ever.
    Ended,
    /// An event of it can't be read here.
    Closed,
}

impl GrantEntry {
    pub(super) fn given(
        id: GrantId,
        organization: OrganizationId,
        given: &Given,
        scopes: Arc<ScopeSet>,
        cause: Cause,
    ) -> Self {
        let Given { holder, client, server, scopes: _, expires_at } = *given;
        Self {
            id,
            organization,
            holder,
            client,
            server,
            scopes,
            expires_at,
            state: GrantState::Active,
            given: cause.sequence,
            consent: ConsentId::of(organization, holder, client, server),
            approval: ApprovalId::of(organization, client),
            generation: cause.sequence,
            newest: cause.newest,
        }
    }

    /// The entry after an event; `None` when a node has nothing to change. `intern` shares equal scopes.
    pub(super) fn after(
        &self,
        event: &GrantEvent,
        cause: Cause,
        intern: impl FnOnce(&ScopeSet) -> Arc<ScopeSet>,
    ) -> Option<Self> {
        match (event, self.state) {
            (GrantEvent::Given(_), _) | (GrantEvent::Ended(_), GrantState::Ended | GrantState::Closed) => {
                None
            }
            (GrantEvent::Ended(_), GrantState::Active) => Some(Self {
                state: GrantState::Ended,
                scopes: intern(&ScopeSet::nothing()),
                generation: cause.sequence,
                newest: cause.newest,
                ..self.clone()
            }),
        }
    }
}
