//! How a server's upstream is called: what requests say of it, and what is shown.

use domain::server::SettingsChange;
use events::server::{Authorities, Credentials, UpstreamSettings};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::body::present;
use crate::api::seconds::Timeout;
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
    /// Until the headers of an answer, to the millisecond.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>, minimum = 0.1, maximum = 3600)]
    response_timeout_seconds: Option<Option<Timeout>>,
    /// Between two pieces of an answer that is no event stream, to the millisecond.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>, minimum = 0.1, maximum = 3600)]
    idle_timeout_seconds: Option<Option<Timeout>>,
}

impl SetSettings {
    /// Refuses authorities that no certificate could be checked by: nobody would see it before the first call.
    pub fn change(self) -> Result<SettingsChange, Problem> {
        let Self { credentials, ca, response_timeout_seconds, idle_timeout_seconds } = self;
        if let Some(Some(ca)) = &ca {
            Trust::of(ca)
                .map_err(|error| Problem::invalid("settings.ca", format!("In the order given, {error}.")))?;
        }
        let stored = |said: Option<Option<Timeout>>| said.map(|to| to.map(|Timeout(timeout)| timeout));
        Ok(SettingsChange {
            credentials,
            ca,
            response_timeout_ms: stored(response_timeout_seconds),
            idle_timeout_ms: stored(idle_timeout_seconds),
        })
    }
}

/// How a server is called, where it says so itself; `null`: as the gateway's configuration has it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ServerSettings {
    /// `authorization` (so is `null`), `header:<name>` or `none`.
    pub credentials: Option<String>,
    /// PEM certificates.
    pub ca: Option<String>,
    pub response_timeout_seconds: Option<f64>,
    pub idle_timeout_seconds: Option<f64>,
}

impl From<UpstreamSettings> for ServerSettings {
    fn from(settings: UpstreamSettings) -> Self {
        let UpstreamSettings { credentials, ca, response_timeout_ms, idle_timeout_ms } = settings;
        let seconds = |timeout| f64::from(Timeout(timeout));
        Self {
            credentials: credentials.map(|credentials| credentials.to_string()),
            ca: ca.map(|ca| ca.to_string()),
            response_timeout_seconds: response_timeout_ms.map(seconds),
            idle_timeout_seconds: idle_timeout_ms.map(seconds),
        }
    }
}
