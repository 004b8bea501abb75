//! What a node holds of an MCP server behind it.

use events::server::{Registered, ServerEvent, UpstreamSettings, UpstreamUrl};
use events::{OrganizationId, ServerId, Slug};

use super::ServerAddress;
use super::newest::{Cause, Newest};

/// One MCP server as of one event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerEntry {
    pub id: ServerId,
    pub organization: OrganizationId,
    pub slug: Slug,
    pub upstream: UpstreamUrl,
    pub settings: UpstreamSettings,
    pub state: ServerState,
    /// The sequence of the event that made this entry.
    pub generation: u64,
    /// The newest event, which may have changed nothing here.
    pub newest: Newest,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ServerState {
    Enabled,
    Disabled,
    /// For ever.
    Removed,
    /// An event of it can't be read here.
    Closed,
}

impl ServerEntry {
    pub(super) fn address(&self) -> ServerAddress {
        ServerAddress { organization: self.organization, slug: self.slug.clone() }
    }

    pub(super) fn registered(
        id: ServerId,
        organization: OrganizationId,
        registered: &Registered,
        cause: Cause,
    ) -> Self {
        Self {
            id,
            organization,
            slug: registered.slug.clone(),
            upstream: registered.upstream.clone(),
            settings: registered.settings.clone(),
            state: state_of(registered.enabled),
            generation: cause.sequence,
            newest: cause.newest,
        }
    }

    /// The entry after an event; `None` when a node has nothing to change.
    pub(super) fn after(&self, event: &ServerEvent, cause: Cause) -> Option<Self> {
        if matches!(self.state, ServerState::Removed | ServerState::Closed) {
            return None;
        }
        let entry = Self { generation: cause.sequence, newest: cause.newest, ..self.clone() };
        match event {
            ServerEvent::Removed(_) => Some(Self { state: ServerState::Removed, ..entry }),
            ServerEvent::Changed(changed) => {
                if changed.upstream.is_none() && changed.enabled.is_none() && changed.settings.is_none() {
                    return None;
                }
                Some(Self {
                    settings: changed.settings.clone().unwrap_or(entry.settings),
                    upstream: changed.upstream.clone().unwrap_or(entry.upstream),
                    state: changed.enabled.map_or(entry.state, state_of),
                    ..entry
                })
            }
            ServerEvent::Registered(_) => None,
        }
    }
}

fn state_of(enabled: bool) -> ServerState {
    if enabled { ServerState::Enabled } else { ServerState::Disabled }
}
