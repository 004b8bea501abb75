//! What can be asked of a server.

use events::server::{Authorities, Credentials, TimeoutMs, UpstreamSettings, UpstreamUrl};
use events::{SealedText, Slug};

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    Register {
        slug: Slug,
        upstream: UpstreamUrl,
        enabled: bool,
        name: SealedText,
        settings: UpstreamSettings,
    },
    /// What is `None` stays as it is.
    Change {
        upstream: Option<UpstreamUrl>,
        enabled: Option<bool>,
        name: Option<SealedText>,
        settings: SettingsChange,
    },
    /// For ever.
    Remove { reason: Option<SealedText> },
}

/// `None` leaves a setting as it is, `Some(None)` takes it back to what the configuration says.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct SettingsChange {
    pub credentials: Option<Option<Credentials>>,
    pub ca: Option<Option<Authorities>>,
    pub response_timeout_ms: Option<Option<TimeoutMs>>,
    pub idle_timeout_ms: Option<Option<TimeoutMs>>,
}

impl SettingsChange {
    /// The settings after it.
    pub fn of(&self, settings: &UpstreamSettings) -> UpstreamSettings {
        let Self { credentials, ca, response_timeout_ms, idle_timeout_ms } = self;
        UpstreamSettings {
            credentials: credentials.clone().unwrap_or_else(|| settings.credentials.clone()),
            ca: ca.clone().unwrap_or_else(|| settings.ca.clone()),
            response_timeout_ms: response_timeout_ms.unwrap_or(settings.response_timeout_ms),
            idle_timeout_ms: idle_timeout_ms.unwrap_or(settings.idle_timeout_ms),
        }
    }
}
