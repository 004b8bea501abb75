//! Every way in which a call at `/mcp` ends without the upstream's own answer. What each looks like to the
//! client is `answer`'s to say.

use std::time::Duration;

use http::StatusCode;

use super::authenticate::{AuthenticationError, Fault};
use super::principal::Invalid;
use super::session::SessionError;
use super::tasks::UnknownTask;
use crate::mcp::access::{LongName, Unnamed};
use crate::mcp::header::{Disagreement, Mismatch};
use crate::mcp::message::MessageError;
use crate::problem::body::BodyFault;

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("this origin is not allowed to call the gateway")]
    Origin,
    #[error("the gateway is not ready; try again")]
    NotReady,
    #[error(transparent)]
    Authentication(#[from] AuthenticationError),
    #[error("this key is for management, not for MCP")]
    NotForMcp,
    #[error("this key has no such server")]
    NoSuchServer,
    #[error("the server is disabled")]
    ServerDisabled,
    #[error(
        "an event about the server can't be read or may not be obeyed, so nobody can judge it: tell the gateway's operator"
    )]
    ServerClosed,
    #[error("the credential's scopes do not cover this")]
    InsufficientScope {
        /// What would do.
        scopes: Option<String>,
        /// Whether its client can get it by another sign-in.
        can_step_up: bool,
    },
    #[error("this method is not answered here; allowed: {allow}")]
    Method { allow: &'static str },
    #[error(transparent)]
    Body(#[from] BodyFault),
    #[error("this method has no body")]
    UnexpectedBody,
    #[error(transparent)]
    Message(#[from] MessageError),
    #[error(transparent)]
    Disagreement(#[from] Disagreement),
    #[error(transparent)]
    Unnamed(#[from] Unnamed),
    #[error(transparent)]
    LongName(#[from] LongName),
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error(transparent)]
    Task(#[from] UnknownTask),
    #[error(transparent)]
    Upstream(#[from] UpstreamFault),
    /// Its status goes down: clients go by it.
    #[error("the MCP server answered {}, and nothing that can be passed on", .0.as_u16())]
    Unexplained(StatusCode),
    /// 429, which says that it is the caller's to wait.
    #[error("the MCP server asks to wait: it answered 429, and nothing that can be passed on")]
    RateLimited,
    #[error("the gateway failed")]
    Internal,
}

/// What went wrong behind the gateway. Told to the client without addresses or names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamFault {
    #[error("the MCP server can't be reached")]
    Unreachable,
    #[error("the MCP server's address is not allowed")]
    AddressRefused,
    #[error("the MCP server is off this machine and has no TLS, which is not allowed")]
    PlainHttp,
    #[error("the MCP server's TLS certificate is not accepted")]
    Untrusted,
    #[error("the MCP server did not answer in time")]
    Timeout,
    #[error("the MCP server broke off, or its answer is no HTTP that can be read")]
    Broken,
    #[error("the MCP server answered with a redirect, which is never followed: register its final URL")]
    Redirected,
    #[error("the MCP server refuses the gateway's identity token, or wants credentials of its own")]
    WantsCredentials,
    #[error("the MCP server failed: it answered {} and nothing that can be passed on", .0.as_u16())]
    Failed(StatusCode),
    #[error("the MCP server's list can't be read, so that nobody knows what of it this key may see")]
    List,
    #[error(
        "the MCP server's answer is none: it holds neither JSON nor an event, or to GET is no event stream"
    )]
    NoAnswer,
    #[error("the MCP server's answer is not what its Content-Type says")]
    Mislabelled,
    #[error("the MCP server's answer can't be passed on")]
    BadAnswer,
}

impl Refusal {
    /// Its name in metrics, log lines and the answer's `data.reason`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Origin => "origin",
            Self::NotReady => "not_ready",
            Self::Authentication(error) => error.name(),
            Self::NotForMcp => "not_for_mcp",
            Self::NoSuchServer => "no_such_server",
            Self::ServerDisabled => "server_disabled",
            Self::ServerClosed => "server_closed",
            Self::InsufficientScope { .. } => "insufficient_scope",
            Self::Method { .. } => "method_not_allowed",
            Self::Body(fault) => fault.name(),
            Self::UnexpectedBody => "unexpected_body",
            Self::Message(MessageError::NotJson(_)) => "not_json",
            Self::Message(MessageError::Batch) => "batch",
            Self::Message(MessageError::Invalid(_)) => "invalid_message",
            Self::Disagreement(Disagreement::Mismatch(_)) => "header_mismatch",
            Self::Disagreement(Disagreement::UnknownVersion(_)) => "unknown_version",
            Self::Disagreement(Disagreement::NoVersion) | Self::Unnamed(_) | Self::LongName(_) => {
                "invalid_params"
            }
            Self::Session(error) => error.name(),
            Self::Task(UnknownTask) => "task_unknown",
            Self::Upstream(fault) => fault.name(),
            Self::Unexplained(_) => "unexplained",
            Self::RateLimited => "rate_limited",
            Self::Internal => "internal",
        }
    }
}

impl Refusal {
    /// After what time it may be otherwise; `None`: the request must change, or nobody knows.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::NotReady | Self::Body(BodyFault::Full | BodyFault::ShareFull) => {
                Some(Duration::from_secs(1))
            }
            // Somebody must do something first.
            Self::ServerDisabled | Self::ServerClosed => Some(Duration::from_secs(30)),
            Self::Authentication(error) => (error.fault() == Fault::Node).then_some(Duration::from_secs(30)),
            Self::Body(
                BodyFault::ContentType
                | BodyFault::ContentEncoding
                | BodyFault::TooLong { .. }
                | BodyFault::Timeout
                | BodyFault::Incomplete,
            )
            | Self::Origin
            | Self::NotForMcp
            | Self::NoSuchServer
            | Self::InsufficientScope { .. }
            | Self::Method { .. }
            | Self::UnexpectedBody
            | Self::Message(_)
            | Self::Disagreement(_)
            | Self::Unnamed(_)
            | Self::LongName(_)
            | Self::Session(_)
            | Self::Task(_)
            | Self::Upstream(_)
            | Self::Unexplained(_)
            | Self::RateLimited
            | Self::Internal => None,
        }
    }
}

impl UpstreamFault {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "upstream_unreachable",
            Self::AddressRefused => "upstream_address_refused",
            Self::PlainHttp => "upstream_plain_http",
            Self::Untrusted => "upstream_untrusted",
            Self::Timeout => "upstream_timeout",
            Self::Broken => "upstream_broken",
            Self::Redirected => "upstream_redirected",
            Self::WantsCredentials => "upstream_wants_credentials",
            Self::Failed(_) => "upstream_failed",
            Self::List => "upstream_bad_list",
            Self::NoAnswer => "upstream_no_answer",
            Self::Mislabelled => "upstream_mislabelled",
            Self::BadAnswer => "upstream_bad_answer",
        }
    }
}

impl From<Mismatch> for Refusal {
    fn from(mismatch: Mismatch) -> Self {
        Self::Disagreement(mismatch.into())
    }
}

impl From<Invalid> for Refusal {
    fn from(invalid: Invalid) -> Self {
        Self::Authentication(invalid.into())
    }
}
