//! What a refusal looks like to an MCP client: a status, a JSON-RPC error, and for credentials a challenge (`challenge`).
//!
//! 401 and 404 are the gateway's own and say so in their body: a client must be able to tell them from the
//! upstream's, whose 404 ends a session. What goes wrong behind the gateway is 502 or 504, never 401; an upstream's own
//! refusal without words keeps its status where clients go by that (`unfit::verdict`).
//! `data.reason` is stable; the text may change.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use serde::Serialize;
use serde_json::value::RawValue;

use super::authenticate::Fault;
use super::challenge::Challenger;
use super::refusal::{Refusal, UpstreamFault};
use super::session::SessionError;
use crate::mcp::era;
use crate::mcp::header::Disagreement;
use crate::mcp::message::MessageError;

const PARSE_ERROR: i32 = -32700;
const INVALID_REQUEST: i32 = -32600;
const INVALID_PARAMS: i32 = -32602;
const INTERNAL_ERROR: i32 = -32603;
/// `HeaderMismatch` (MCP 2026-07-28, "Streamable HTTP", Server Validation).
const HEADER_MISMATCH: i32 = -32020;
/// `UnsupportedProtocolVersion` (MCP 2026-07-28, "Versioning").
const UNSUPPORTED_VERSION: i32 = -32022;
/// Ours, of the range that JSON-RPC 2.0 (§5.1) leaves to servers and MCP does not take for itself.
const GATEWAY: i32 = -32010;

/// JSON-RPC 2.0 §5. The id is left out when it is not known, as MCP's schema has it.
#[derive(Serialize)]
struct Body<'a> {
    jsonrpc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a RawValue>,
    error: ErrorBody<'a>,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    code: i32,
    message: &'a str,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    source: &'static str,
    reason: &'a str,
    /// What the server behind the gateway answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_status: Option<u16>,
    /// What would do: whoever calls by a key is told nowhere else.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
    #[serde(flatten)]
    versions: Option<Versions<'a>>,
}

/// What the protocol has an answer to an unknown version say.
#[derive(Serialize)]
struct Versions<'a> {
    supported: &'static [&'static str],
    requested: &'a str,
}

/// The answer to a refused call. `id`: the request's, if it was read.
pub fn answer(refusal: &Refusal, id: Option<&RawValue>, challenger: Challenger<'_>) -> Response<Bytes> {
    let (status, code) = face(refusal);
    let message = refusal.to_string();
    let data = Data {
        source: "keyledger",
        reason: refusal.name(),
        upstream_status: upstream_status(refusal),
        scope: scope(refusal),
        versions: versions(refusal),
    };
    let mut response = Response::new(body(code, &message, data, id));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(challenge) = challenger.header(refusal, &message) {
        headers.insert(WWW_AUTHENTICATE, challenge);
    }
    if let Refusal::Method { allow } = refusal {
        headers.insert(ALLOW, HeaderValue::from_static(allow));
    }
    if let Some(after) = refusal.retry_after() {
        headers.insert(RETRY_AFTER, HeaderValue::from(after.as_secs()));
    }
    response
}

fn face(refusal: &Refusal) -> (StatusCode, i32) {
    match refusal {
        Refusal::Origin | Refusal::NotForMcp | Refusal::InsufficientScope { .. } => {
            (StatusCode::FORBIDDEN, GATEWAY)
        }
        Refusal::NotReady | Refusal::ServerDisabled | Refusal::ServerClosed => {
            (StatusCode::SERVICE_UNAVAILABLE, GATEWAY)
        }
        Refusal::Authentication(error) => match error.fault() {
            Fault::NoCredential | Fault::InvalidKey | Fault::InvalidToken => {
                (StatusCode::UNAUTHORIZED, GATEWAY)
            }
            Fault::TwoCredentials => (StatusCode::BAD_REQUEST, GATEWAY),
            Fault::Node => (StatusCode::SERVICE_UNAVAILABLE, GATEWAY),
        },
        Refusal::NoSuchServer => (StatusCode::NOT_FOUND, GATEWAY),
        Refusal::Method { .. } => (StatusCode::METHOD_NOT_ALLOWED, GATEWAY),
        Refusal::Body(fault) => (fault.status(), GATEWAY),
        Refusal::UnexpectedBody => (StatusCode::BAD_REQUEST, GATEWAY),
        Refusal::Message(MessageError::NotJson(_)) => (StatusCode::BAD_REQUEST, PARSE_ERROR),
        Refusal::Message(MessageError::Batch | MessageError::Invalid(_)) => {
            (StatusCode::BAD_REQUEST, INVALID_REQUEST)
        }
        Refusal::Disagreement(Disagreement::Mismatch(_)) => (StatusCode::BAD_REQUEST, HEADER_MISMATCH),
        Refusal::Disagreement(Disagreement::UnknownVersion(_)) => {
            (StatusCode::BAD_REQUEST, UNSUPPORTED_VERSION)
        }
        Refusal::Disagreement(Disagreement::NoVersion)
        | Refusal::Unnamed(_)
        | Refusal::LongName(_)
        | Refusal::Task(_) => (StatusCode::BAD_REQUEST, INVALID_PARAMS),
        Refusal::Session(SessionError::Two) => (StatusCode::BAD_REQUEST, GATEWAY),
        Refusal::Session(SessionError::Unknown | SessionError::Over) => (StatusCode::NOT_FOUND, GATEWAY),
        Refusal::Session(SessionError::Foreign) => (StatusCode::FORBIDDEN, GATEWAY),
        Refusal::Upstream(UpstreamFault::Timeout) => (StatusCode::GATEWAY_TIMEOUT, GATEWAY),
        Refusal::Upstream(
            UpstreamFault::Unreachable
            | UpstreamFault::AddressRefused
            | UpstreamFault::PlainHttp
            | UpstreamFault::Untrusted
            | UpstreamFault::Broken
            | UpstreamFault::Redirected
            | UpstreamFault::WantsCredentials
            | UpstreamFault::Failed(_)
            | UpstreamFault::List
            | UpstreamFault::NoAnswer
            | UpstreamFault::Mislabelled
            | UpstreamFault::BadAnswer,
        ) => (StatusCode::BAD_GATEWAY, GATEWAY),
        Refusal::Unexplained(status) => (*status, GATEWAY),
        Refusal::RateLimited => (StatusCode::TOO_MANY_REQUESTS, GATEWAY),
        Refusal::Internal => (StatusCode::INTERNAL_SERVER_ERROR, INTERNAL_ERROR),
    }
}

fn upstream_status(refusal: &Refusal) -> Option<u16> {
    if let Refusal::Session(SessionError::Over) = refusal {
        return Some(StatusCode::NOT_FOUND.as_u16());
    }
    if let Refusal::RateLimited = refusal {
        return Some(StatusCode::TOO_MANY_REQUESTS.as_u16());
    }
    let (Refusal::Upstream(UpstreamFault::Failed(status)) | Refusal::Unexplained(status)) = refusal else {
        return None;
    };
    Some(status.as_u16())
}

fn scope(refusal: &Refusal) -> Option<&str> {
    let Refusal::InsufficientScope { scopes, can_step_up: _ } = refusal else { return None };
    scopes.as_deref()
}

fn versions(refusal: &Refusal) -> Option<Versions<'_>> {
    let Refusal::Disagreement(Disagreement::UnknownVersion(requested)) = refusal else { return None };
    Some(Versions { supported: &era::KNOWN, requested })
}

fn body(code: i32, message: &str, data: Data<'_>, id: Option<&RawValue>) -> Bytes {
    let body = Body { jsonrpc: "2.0", id, error: ErrorBody { code, message, data } };
    // Text and numbers alone: it can't fail, and an empty body would still carry the status.
    serde_json::to_vec(&body).map(Bytes::from).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHALLENGER: Challenger<'_> = Challenger { realm: "https://mcp.example.com", advice: None };

    fn challenge(refusal: Refusal) -> (u16, String) {
        let response = answer(&refusal, None, CHALLENGER);
        let challenge = response.headers().get(WWW_AUTHENTICATE).map_or("", |v| v.to_str().unwrap());
        (response.status().as_u16(), challenge.to_owned())
    }

    #[test]
    fn a_missing_scope_is_named_to_whoever_gets_no_challenge() {
        let scopes = Some("mcp:docs:tools:add".to_owned());
        let response = answer(&Refusal::InsufficientScope { scopes, can_step_up: false }, None, CHALLENGER);
        assert_eq!(
            (response.status(), response.headers().get(WWW_AUTHENTICATE)),
            (StatusCode::FORBIDDEN, None)
        );
        let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(body["error"]["data"]["scope"], "mcp:docs:tools:add");
    }

    #[test]
    fn an_unknown_version_is_answered_with_those_that_are_known() {
        let refusal = Refusal::Disagreement(Disagreement::UnknownVersion("2099-01-01".to_owned()));
        let response = answer(&refusal, None, CHALLENGER);
        assert_eq!(response.status(), 400);
        let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(body["error"]["code"], -32022);
        let data = serde_json::json!({"source": "keyledger", "reason": "unknown_version",
            "supported": ["2026-07-28", "2025-11-25", "2025-06-18"], "requested": "2099-01-01"});
        assert_eq!(body["error"]["data"], data);
    }

    #[test]
    fn what_fails_behind_the_gateway_is_never_401_or_404() {
        for fault in [
            UpstreamFault::Unreachable,
            UpstreamFault::AddressRefused,
            UpstreamFault::Broken,
            UpstreamFault::Redirected,
            UpstreamFault::WantsCredentials,
            UpstreamFault::NoAnswer,
            UpstreamFault::Mislabelled,
            UpstreamFault::BadAnswer,
        ] {
            assert_eq!(challenge(fault.into()), (502, String::new()));
        }
        assert_eq!(challenge(UpstreamFault::Timeout.into()), (504, String::new()));
    }

    #[test]
    fn the_body_is_a_json_rpc_error_with_the_requests_id() {
        let id: Box<RawValue> = serde_json::from_str("\"a-1\"").unwrap();
        let response = answer(&Refusal::NoSuchServer, Some(&id), CHALLENGER);
        let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(
            body,
            serde_json::json!({
                "jsonrpc": "2.0",
                "id": "a-1",
                "error": {
                    "code": -32010,
                    "message": "this key has no such server",
                    "data": { "source": "keyledger", "reason": "no_such_server" },
                },
            })
        );
        let body: serde_json::Value =
            serde_json::from_slice(answer(&Refusal::NotReady, None, CHALLENGER).body()).unwrap();
        assert!(body.get("id").is_none());
    }
}
