//! An MCP server behind the gateway. What is removed never comes back, and its slug names no other server.

mod command;
mod decide;
mod refusal;
#[cfg(test)]
mod tests;

use events::server::{Changed, Registered, ServerEvent, UpstreamSettings, UpstreamUrl};
use events::{SealedText, Slug};
use serde::{Deserialize, Serialize};

pub use command::{Command, SettingsChange};
pub use refusal::Refusal;

#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub enum Server {
    #[default]
    Unknown,
    Known(Box<KnownServer>),
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KnownServer {
    pub slug: Slug,
    pub upstream: UpstreamUrl,
    pub enabled: bool,
    pub name: SealedText,
    pub settings: UpstreamSettings,
    pub removed: bool,
}

impl Server {
    /// The server, once it is registered; also when it is removed.
    pub fn known(&self) -> Option<&KnownServer> {
        match self {
            Self::Unknown => None,
            Self::Known(known) => Some(known),
        }
    }

    fn applied(&mut self, event: &ServerEvent) {
        match (event, &mut *self) {
            (
                ServerEvent::Registered(Registered { slug, upstream, enabled, name, settings }),
                Self::Unknown,
            ) => {
                *self = Self::Known(Box::new(KnownServer {
                    slug: slug.clone(),
                    upstream: upstream.clone(),
                    enabled: *enabled,
                    name: name.clone(),
                    settings: settings.clone(),
                    removed: false,
                }));
            }
            (ServerEvent::Changed(changed), Self::Known(known)) => known.change(changed),
            (ServerEvent::Removed(_), Self::Known(known)) => known.removed = true,
            // Decisions never make these: a second registration, or a change of what was never registered.
            (ServerEvent::Registered(_), Self::Known(_))
            | (ServerEvent::Changed(_) | ServerEvent::Removed(_), Self::Unknown) => {}
        }
    }
}

impl KnownServer {
    fn change(&mut self, changed: &Changed) {
        let Changed { upstream, enabled, name, settings } = changed;
        if let Some(upstream) = upstream {
            self.upstream = upstream.clone();
        }
        if let Some(enabled) = enabled {
            self.enabled = *enabled;
        }
        if let Some(name) = name {
            self.name = name.clone();
        }
        if let Some(settings) = settings {
            self.settings = settings.clone();
        }
    }
}
