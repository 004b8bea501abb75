//! What a node holds of an organization.

use events::organization::{Created, OrganizationEvent};
use events::{OrganizationId, Slug};

use super::newest::{Cause, Newest};

/// One organization as of one event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrganizationEntry {
    pub id: OrganizationId,
    pub slug: Slug,
    pub state: OrganizationState,
    /// Its people may use those clients alone that it approved.
    pub requires_approval: bool,
    /// The sequence of the event that made this entry.
    pub generation: u64,
    /// The newest event, which may have changed nothing here.
    pub newest: Newest,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum OrganizationState {
    Active,
    /// None of its keys works until it is resumed.
    Suspended,
    /// An event of it, or of something unknown that it owns, can't be read here.
    Closed,
    /// Suspended for ever; what people wrote of it is gone.
    Forgotten,
}

impl OrganizationEntry {
    pub(super) fn created(id: OrganizationId, created: &Created, cause: Cause) -> Self {
        let Cause { sequence: generation, newest } = cause;
        Self {
            id,
            slug: created.slug.clone(),
            state: OrganizationState::Active,
            requires_approval: false,
            generation,
            newest,
        }
    }

    /// The entry after an event; `None` when a node has nothing to change.
    pub(super) fn after(&self, event: &OrganizationEvent, cause: Cause) -> Option<Self> {
        if matches!(self.state, OrganizationState::Closed | OrganizationState::Forgotten) {
            return None;
        }
        let entry = Self { generation: cause.sequence, newest: cause.newest, ..self.clone() };
        Some(match event {
            OrganizationEvent::Suspended(_) => Self { state: OrganizationState::Suspended, ..entry },
            OrganizationEvent::Resumed(_) => Self { state: OrganizationState::Active, ..entry },
            OrganizationEvent::Forgotten(_) => Self { state: OrganizationState::Forgotten, ..entry },
            OrganizationEvent::ClientApprovalRequired(_) => Self { requires_approval: true, ..entry },
            OrganizationEvent::ClientApprovalWaived(_) => Self { requires_approval: false, ..entry },
            OrganizationEvent::Created(_) | OrganizationEvent::Renamed(_) => return None,
        })
    }
}
