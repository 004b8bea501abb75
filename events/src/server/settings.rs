//! How an upstream is called, where a server says otherwise than the gateway's configuration.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::Authorities;
use crate::token::{object, text_serde};

/// What is absent is as the gateway's configuration has it.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, JsonSchema)]
pub struct UpstreamSettings {
    /// Absent: `authorization`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Credentials>,
    /// The upstream's certificate is of these authorities, and of no others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<Authorities>,
    /// Until the headers of an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_timeout_ms: Option<TimeoutMs>,
    /// Between two pieces of an answer that is no event stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_timeout_ms: Option<TimeoutMs>,
}

impl<'de> Deserialize<'de> for UpstreamSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Members {
            credentials: Option<Credentials>,
            ca: Option<Authorities>,
            response_timeout_ms: Option<TimeoutMs>,
            idle_timeout_ms: Option<TimeoutMs>,
        }
        let Members { credentials, ca, response_timeout_ms, idle_timeout_ms } = object(deserializer)?;
        Ok(Self { credentials, ca, response_timeout_ms, idle_timeout_ms })
    }
}

impl UpstreamSettings {
    /// Everything is as the configuration has it.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How the identity token reaches the upstream: `authorization` (a bearer token in that header), `header:<name>`
/// (alone in another header) or `none` (not at all).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Credentials {
    Authorization,
    Header(IdentityHeader),
    None,
}

/// The text is not how a token reaches an upstream; says why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("credentials are `authorization`, `none` or `header:<name>`{reason}")]
pub struct CredentialsError {
    reason: &'static str,
}

impl FromStr for Credentials {
    type Err = CredentialsError;

    fn from_str(text: &str) -> Result<Self, CredentialsError> {
        match text {
            "authorization" => Ok(Self::Authorization),
            "none" => Ok(Self::None),
            _ => match text.strip_prefix("header:") {
                Some(name) => Ok(Self::Header(name.parse()?)),
                None => Err(CredentialsError { reason: "" }),
            },
        }
    }
}

impl fmt::Display for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authorization => f.write_str("authorization"),
            Self::Header(name) => write!(f, "header:{}", name.as_str()),
            Self::None => f.write_str("none"),
        }
    }
}

text_serde!(Credentials, "Credentials", "`authorization`, `none` or `header:<name>`", {
    "pattern": format!(
        "^(?:authorization|none|header:(?!(?:{})$)(?!{})[a-z0-9]+(?:-[a-z0-9]+)*)$",
        TAKEN.join("|"),
        TAKEN_PREFIXES.join("|")
    ),
    "maxLength": "header:".len() + 64,
});

/// A header that the gateway has no other use for: lower-case letters, digits and single hyphens between them, 1 to
/// 64 bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IdentityHeader(String);

impl IdentityHeader {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What frames a message, belongs to one connection or is passed on from the client (RFC 9110 §7.6, §8).
const TAKEN: &[&str] = &[
    "authorization",
    "connection",
    "cookie",
    "cookie2",
    "date",
    "expect",
    "forwarded",
    "from",
    "host",
    "keep-alive",
    "last-event-id",
    "max-forwards",
    "origin",
    "range",
    "referer",
    "set-cookie",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-request-id",
];
const TAKEN_PREFIXES: &[&str] =
    &["accept", "access-control-", "content-", "if-", "mcp-", "proxy-", "sec-", "x-forwarded-"];

impl FromStr for IdentityHeader {
    type Err = CredentialsError;

    fn from_str(name: &str) -> Result<Self, CredentialsError> {
        let shaped = (1..=64).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && name.split('-').all(|part| !part.is_empty());
        if !shaped {
            return Err(CredentialsError {
                reason: ": the name is 1 to 64 lower-case letters, digits and single hyphens between them",
            });
        }
        if TAKEN.contains(&name) || TAKEN_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
            return Err(CredentialsError { reason: ": this header has another use" });
        }
        Ok(Self(name.to_owned()))
    }
}

/// A time-out in milliseconds, 100 to 3,600,000.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct TimeoutMs(u32);

/// The time-out is out of bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a time-out is 100 to 3600000 ms")]
pub struct TimeoutMsError;

impl TimeoutMs {
    const BOUNDS: std::ops::RangeInclusive<u32> = 100..=3_600_000;

    pub fn duration(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0.into())
    }
}

impl TryFrom<u32> for TimeoutMs {
    type Error = TimeoutMsError;

    fn try_from(millis: u32) -> Result<Self, TimeoutMsError> {
        if Self::BOUNDS.contains(&millis) { Ok(Self(millis)) } else { Err(TimeoutMsError) }
    }
}

impl From<TimeoutMs> for u32 {
    fn from(timeout: TimeoutMs) -> Self {
        timeout.0
    }
}

impl JsonSchema for TimeoutMs {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TimeoutMs".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "integer",
            "minimum": TimeoutMs::BOUNDS.start(),
            "maximum": TimeoutMs::BOUNDS.end(),
            "description": "milliseconds",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_a_word_or_a_free_header() {
        for good in ["authorization", "none", "header:x-identity", "header:cf-access-jwt-assertion"] {
            assert_eq!(good.parse::<Credentials>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "Authorization",
            "bearer",
            "header:",
            "header:X-Identity",
            "header:x identity",
            "header:x-identity\r\nx: y",
            "header:-x",
            "header:x--y",
            "header:x_y",
            "header:authorization",
            "header:host",
            "header:content-length",
            "header:transfer-encoding",
            "header:mcp-session-id",
            "header:accept",
            "header:cookie",
            "header:proxy-authorization",
            "header:x-forwarded-for",
            "header:x-request-id",
            &format!("header:{}", "x".repeat(65)),
        ] {
            bad.parse::<Credentials>().unwrap_err();
        }
    }

    #[test]
    fn a_timeout_is_bounded() {
        assert_eq!(serde_json::from_str::<TimeoutMs>("60000").unwrap().duration().as_secs(), 60);
        for bad in ["0", "99", "3600001", "-1", "1.5", "\"100\"", "4294967296"] {
            serde_json::from_str::<TimeoutMs>(bad).unwrap_err();
        }
    }
}
