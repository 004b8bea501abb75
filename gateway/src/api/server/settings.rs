//! How a server's upstream is called: what requests say of it, and what is shown.

use domain::server::SettingsChange;
use events::server::{Authorities, Credentials, TimeoutMs, UpstreamSettings};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::body::present;
use crate::problem::Problem;
use crate::upstream::Trust;

/// Of how a server is called. What is absent stays as it is; `null`: as the gateway's configuration has it, and so it
/// is as long as nothing is said.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetSettings {
    /// How the gateway's identity token reaches the upstream: `authorization` (as a bearer token; so does `null`),
    /// `header:<name>` (alone in that header, in lower case) or `none` (not at all).
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "header:x-identity-token", max_length = 71)]
    credentials: Option<Option<Credentials>>,
    /// The authorities that the upstream's certificate must be of, in place of the public ones: 1 to 8 PEM
    /// certificates, and nothing else.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 16384)]
    ca: Option<Option<Authorities>>,
    /// Until the headers of an answer, in milliseconds.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, minimum = 100, maximum = 3600000)]
    response_timeout_ms: Option<Option<TimeoutMs>>,
    /// Between two pieces of an answer that is no event stream, in milliseconds.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, minimum = 100, maximum = 3600000)]
    idle_timeout_ms: Option<Option<TimeoutMs>>,
}

impl SetSettings {
    /// Refuses authorities that no certificate could be checked by: nobody would see it before the first call.
    pub fn change(self) -> Result<SettingsChange, Problem> {
        let Self { credentials, ca, response_timeout_ms, idle_timeout_ms } = self;
        if let Some(Some(ca)) = &ca {
            Trust::of(ca)
                .map_err(|error| Problem::invalid("settings.ca", format!("In the order given, {error}.")))?;
        }
        Ok(SettingsChange { credentials, ca, response_timeout_ms, idle_timeout_ms })
    }
}

/// How a server is called, where it says so itself; `null`: as the gateway's configuration has it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ServerSettings {
    /// `authorization` (so is `null`), `header:<name>` or `none`.
    pub credentials: Option<String>,
    /// PEM certificates.
    pub ca: Option<String>,
    pub response_timeout_ms: Option<u32>,
    pub idle_timeout_ms: Option<u32>,
}

impl From<UpstreamSettings> for ServerSettings {
    fn from(settings: UpstreamSettings) -> Self {
        let UpstreamSettings { credentials, ca, response_timeout_ms, idle_timeout_ms } = settings;
        Self {
            credentials: credentials.map(|credentials| credentials.to_string()),
            ca: ca.map(|ca| ca.to_string()),
            response_timeout_ms: response_timeout_ms.map(u32::from),
            idle_timeout_ms: idle_timeout_ms.map(u32::from),
        }
    }
}
