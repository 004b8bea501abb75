//! The authorization server's bounds and choices.

use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use serde::Deserialize;

use super::{ConfigError, Secret, check, lenient, secret};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Oauth {
    /// Who may register a client by itself (RFC 7591).
    pub registration: Registration,
    /// The initial access token (RFC 7591 §1.2) where `registration` is `token`.
    pub registration_token: Option<Secret>,
    pub registration_token_file: Option<PathBuf>,
    /// Registrations a minute, of one control process.
    #[serde(deserialize_with = "lenient::number")]
    pub registrations_per_minute: u32,
    /// How long a registration lasts with which nobody ever signed in.
    #[serde(deserialize_with = "lenient::number")]
    pub registration_hours: u32,
    /// Redirect addresses that a client may register beside the presets.
    #[serde(deserialize_with = "lenient::list")]
    pub redirects: Vec<String>,
    /// Networks open to clients' metadata documents and keys although they are loopback, private or otherwise special.
    #[serde(deserialize_with = "lenient::list")]
    pub allow: Vec<IpNet>,
    /// From the authorization request to its end: sign-in and consent.
    #[serde(deserialize_with = "lenient::number")]
    pub request_minutes: u32,
    /// Until a code is redeemed.
    #[serde(deserialize_with = "lenient::number")]
    pub code_seconds: u32,
    #[serde(deserialize_with = "lenient::number")]
    pub access_token_seconds: u32,
    /// A refresh token that nobody uses for so long ends.
    #[serde(deserialize_with = "lenient::number")]
    pub refresh_days: u32,
    /// A grant ends after so long, however often it was refreshed.
    #[serde(deserialize_with = "lenient::number")]
    pub grant_days: u32,
    /// A person who signed in stays so for this long.
    #[serde(deserialize_with = "lenient::number")]
    pub session_hours: u32,
}

/// Who may register a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Registration {
    /// Anybody, at a bounded rate.
    Open,
    /// Who has the initial access token.
    Token,
    Off,
}

impl Default for Oauth {
    fn default() -> Self {
        Self {
            registration: Registration::Open,
            registration_token: None,
            registration_token_file: None,
            registrations_per_minute: 30,
            registration_hours: 24,
            redirects: Vec::new(),
            allow: Vec::new(),
            request_minutes: 15,
            code_seconds: 60,
            access_token_seconds: 600,
            refresh_days: 30,
            grant_days: 90,
            session_hours: 12,
        }
    }
}

impl Oauth {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        for (key, is, least, most, accepted) in [
            ("oauth.registrations_per_minute", self.registrations_per_minute, 1, 10_000, "1 to 10000"),
            ("oauth.registration_hours", self.registration_hours, 1, 720, "1 to 720"),
            ("oauth.request_minutes", self.request_minutes, 1, 60, "1 to 60"),
            ("oauth.code_seconds", self.code_seconds, 5, 600, "5 to 600"),
            ("oauth.access_token_seconds", self.access_token_seconds, 30, 3_600, "30 to 3600"),
            ("oauth.refresh_days", self.refresh_days, 1, 400, "1 to 400"),
            ("oauth.grant_days", self.grant_days, 1, 400, "1 to 400"),
            ("oauth.session_hours", self.session_hours, 1, 720, "1 to 720"),
        ] {
            check::within(key, is.into(), least..=most, accepted)?;
        }
        if self.registration == Registration::Token {
            self.registration_token()?;
        }
        Ok(())
    }

    /// The initial access token.
    pub fn registration_token(&self) -> Result<Secret, ConfigError> {
        secret::one_of(
            ("oauth.registration_token", self.registration_token.as_ref()),
            ("oauth.registration_token_file", self.registration_token_file.as_deref()),
        )
    }

    /// Until it ends that nobody has signed in with a registered client.
    pub fn registration_lasts(&self) -> Duration {
        Duration::from_secs(u64::from(self.registration_hours) * 3_600)
    }

    pub fn request_lasts(&self) -> Duration {
        Duration::from_secs(u64::from(self.request_minutes) * 60)
    }

    pub fn code_lasts(&self) -> Duration {
        Duration::from_secs(self.code_seconds.into())
    }

    pub fn access_token_lasts(&self) -> Duration {
        Duration::from_secs(self.access_token_seconds.into())
    }

    pub fn refresh_lasts(&self) -> Duration {
        Duration::from_secs(u64::from(self.refresh_days) * 86_400)
    }

    pub fn grant_lasts(&self) -> Duration {
        Duration::from_secs(u64::from(self.grant_days) * 86_400)
    }

    pub fn session_lasts(&self) -> Duration {
        Duration::from_secs(u64::from(self.session_hours) * 3_600)
    }
}
