//! What a trial found, in words for people.

use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::{Answer, Greeting};
use crate::request::unfit::Unfit;
use crate::upstream::UpstreamError;
use crate::upstream::guard::Refused;

/// What a trial found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Found {
    pub outcome: Outcome,
    /// The same for people, with what to do.
    pub detail: String,
    /// The status of its answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The version of MCP that it spoke.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol_version: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It speaks MCP.
    Answers,
    /// It answers 401 or 407 to a call without the identity token.
    WantsCredentials,
    Redirects,
    /// It answers, and not as MCP has it.
    NoMcp,
    /// Its answer can't be passed on.
    BadAnswer,
    /// No connection came about.
    Unreachable,
    /// It is at a private address that upstreams may not have.
    AddressRefused,
    /// It is called without TLS, off this machine.
    PlainHttp,
    /// Its certificate is not accepted.
    Untrusted,
    /// It did not answer in time.
    Timeout,
    /// It broke off, or does not speak HTTP.
    Broken,
    /// Too many others are tried at this moment.
    NotTried,
}

impl Found {
    pub(super) fn new(outcome: Outcome, detail: impl Into<String>) -> Self {
        Self { outcome, detail: detail.into(), status: None, protocol_version: None }
    }

    /// `None`: it may still answer another greeting.
    pub(super) fn of(answer: &Answer, greeting: Greeting) -> Option<Self> {
        let found = match &answer.unfit {
            Some(Unfit::Challenge(status)) => Self::new(
                Outcome::WantsCredentials,
                format!(
                    "It answers {} to a call without the gateway's identity token. If it takes no such token, calls \
                     will be refused: it must be open to the gateway.",
                    status.as_u16()
                ),
            ),
            Some(Unfit::Redirect(_)) => Self::new(
                Outcome::Redirects,
                "It answers with a redirect, which is never followed: register its final URL.",
            ),
            Some(Unfit::Failed(_) | Unfit::Encoded(_) | Unfit::Informational(_) | Unfit::Session) => {
                return None;
            }
            None => {
                let spoken = answer.spoken(greeting)?;
                Self {
                    protocol_version: Some(spoken.clone()),
                    ..Self::new(Outcome::Answers, format!("It speaks MCP {spoken}."))
                }
            }
        };
        Some(found.with(answer.status))
    }

    /// It took no greeting.
    pub(super) fn no_mcp(answer: &Answer) -> Self {
        let status = answer.status;
        let found = match &answer.unfit {
            Some(unfit) => Self::new(
                Outcome::BadAnswer,
                format!("Its answer can't be passed on: {unfit}. Calls would be refused with 502."),
            ),
            None if status.is_success() && !answer.passes => Self::new(
                Outcome::NoMcp,
                format!(
                    "It answers {} with something else than application/json or text/event-stream, which is no MCP \
                     and does not pass: is the path right?",
                    status.as_u16()
                ),
            ),
            None => Self::new(
                Outcome::NoMcp,
                format!("It answers {} and does not speak MCP: is the path right?", status.as_u16()),
            ),
        };
        found.with(status)
    }

    fn with(self, status: StatusCode) -> Self {
        Self { status: Some(status.as_u16()), ..self }
    }

    pub(super) fn failed(error: &UpstreamError) -> Self {
        match error {
            UpstreamError::AddressRefused { refused: Refused::Closed { what, .. }, .. } => Self::new(
                Outcome::AddressRefused,
                format!(
                    "Its address is {what}, and calls to it are refused: the operator can open its network in \
                     `upstreams.allow`."
                ),
            ),
            UpstreamError::AddressRefused { refused: Refused::Plain { .. }, .. } => Self::new(
                Outcome::PlainHttp,
                "Its address is off this machine, and http:// would carry the gateway's identity token there in \
                 clear: use https://, or the operator can open its network in `upstreams.allow_http`.",
            ),
            UpstreamError::Name(cause) => {
                Self::new(Outcome::Unreachable, format!("It can't be found: {cause}."))
            }
            UpstreamError::Connect(_) => {
                Self::new(Outcome::Unreachable, "Nobody answers at its address and port.")
            }
            UpstreamError::ConnectTimeout { millis, .. } => {
                Self::new(Outcome::Timeout, format!("No connection came about within {millis} ms."))
            }
            UpstreamError::Tls { cause, .. } => Self::new(
                Outcome::Untrusted,
                format!(
                    "TLS with it failed: {cause}. A private authority can be given with the server (`settings.ca`), or \
                     for all servers in `upstreams.ca_file`."
                ),
            ),
            UpstreamError::Trust(cause) => {
                Self::new(Outcome::Untrusted, format!("Its certificate authorities can't be used: {cause}."))
            }
            UpstreamError::Broken(_) => {
                Self::new(Outcome::Broken, "It broke off, or its answer is no HTTP that can be read.")
            }
        }
    }
}
