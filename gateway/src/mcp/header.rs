//! Whether a request's headers agree with its body (MCP 2026-07-28, "Streamable HTTP", Server Validation).
//!
//! `Mcp-Param-*` mirror a tool's arguments by a schema that only the upstream knows: they pass on as they
//! are.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::era::{Era, KNOWN};
use super::message::{Member, Message, Shape};

pub const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
pub const METHOD: HeaderName = HeaderName::from_static("mcp-method");
pub const NAME: HeaderName = HeaderName::from_static("mcp-name");
pub const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
pub const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// The start of the names that a tool's own parameters take.
pub const PARAM_PREFIX: &str = "mcp-param-";

/// A header that the body contradicts, or that is missing: JSON-RPC error -32020.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("header mismatch: {header} {problem}")]
pub struct Mismatch {
    pub header: &'static str,
    pub problem: &'static str,
}

/// Why headers and body do not make one message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Disagreement {
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    /// The headers are those of a request whose parameters it lacks: -32602 (2026-07-28, "Metadata").
    #[error(
        "params._meta[\"io.modelcontextprotocol/protocolVersion\"] names the protocol's version, a string"
    )]
    NoVersion,
    /// The header alone names a version, and one of which nobody here knows what its requests carry: -32022
    /// (2026-07-28, "Versioning").
    #[error(
        "MCP-Protocol-Version {0} is not known here, and params._meta names no version; known are {known}",
        known = KNOWN.join(", ")
    )]
    UnknownVersion(String),
}

/// The era of a POST whose headers agree with its message.
pub fn agree(headers: &HeaderMap, message: &Message<'_>) -> Result<Era, Disagreement> {
    let era = era(headers, message)?;
    method(headers, message, era)?;
    name(headers, message, era)?;
    Ok(era)
}

/// The era of a request without a message (GET, DELETE).
pub fn era_without_body(headers: &HeaderMap) -> Result<Era, Mismatch> {
    Ok(one(headers, &PROTOCOL_VERSION, "MCP-Protocol-Version")?.map_or(Era::Sessions, Era::of_version))
}

fn era(headers: &HeaderMap, message: &Message<'_>) -> Result<Era, Disagreement> {
    const HEADER: &str = "MCP-Protocol-Version";
    let wrong = |problem| Err(Mismatch { header: HEADER, problem }.into());
    match (one(headers, &PROTOCOL_VERSION, HEADER)?, &message.params.meta.version) {
        (_, Member::Other | Member::TooLong) => Err(Disagreement::NoVersion),
        (None, Member::Absent) => Ok(Era::Sessions),
        (None, Member::Text(_)) => wrong("is missing, and the body's _meta names a version"),
        (Some(header), Member::Text(body)) if header == body => Ok(Era::of_version(header)),
        (Some(_), Member::Text(_)) => wrong("is not the version in the body's _meta"),
        (Some(header), Member::Absent) => match (Era::of_version(header), message.shape) {
            (Era::Sessions, _) => Ok(Era::Sessions),
            // What headers and _meta a notification carries, 2026-07-28 leaves open.
            (Era::Stateless, Shape::Notification) => Ok(Era::Stateless),
            (Era::Stateless, Shape::Request) if KNOWN.contains(&header) => Err(Disagreement::NoVersion),
            (Era::Stateless, Shape::Request) => Err(Disagreement::UnknownVersion(header.to_owned())),
            (Era::Stateless, Shape::Response) => wrong(
                "names a version whose clients send no responses: retry the request with inputResponses",
            ),
        },
    }
}

fn method(headers: &HeaderMap, message: &Message<'_>, era: Era) -> Result<(), Mismatch> {
    const HEADER: &str = "Mcp-Method";
    match one(headers, &METHOD, HEADER)? {
        Some(header) if header == message.method && message.shape != Shape::Response => Ok(()),
        Some(_) => Err(Mismatch { header: HEADER, problem: "is not the body's method" }),
        None if era == Era::Stateless && message.shape == Shape::Request => {
            Err(Mismatch { header: HEADER, problem: "is missing" })
        }
        None => Ok(()),
    }
}

fn name(headers: &HeaderMap, message: &Message<'_>, era: Era) -> Result<(), Mismatch> {
    const HEADER: &str = "Mcp-Name";
    let wrong = |problem| Err(Mismatch { header: HEADER, problem });
    let header = match one(headers, &NAME, HEADER)? {
        Some(header) => {
            Some(decode(header).ok_or(Mismatch { header: HEADER, problem: "is not base64 text" })?)
        }
        None => None,
    };
    let params = &message.params;
    let (source, required) = match &*message.method {
        "tools/call" | "prompts/get" => (params.name.text(), true),
        "resources/read" => (params.uri.text(), true),
        "resources/subscribe" | "resources/unsubscribe" => (params.uri.text(), false),
        "tasks/get" | "tasks/result" | "tasks/update" | "tasks/cancel" => (params.task_id.text(), false),
        // An extension's method may take its name from a member that we don't know: it needs the whole
        // server, so nothing rests on the header.
        _ => return Ok(()),
    };
    match (header, source) {
        (Some(header), Some(source)) if header == source => Ok(()),
        (Some(_), _) => wrong("is not the body's name"),
        (None, Some(_)) if required && era == Era::Stateless && message.shape == Shape::Request => {
            wrong("is missing")
        }
        (None, _) => Ok(()),
    }
}

/// The header's one value.
fn one<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
    header: &'static str,
) -> Result<Option<&'h str>, Mismatch> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Mismatch { header, problem: "stands twice" });
    }
    let text = value.to_str().map_err(|_| Mismatch { header, problem: "holds more than plain ASCII" })?;
    Ok(Some(text))
}

/// A name as a header has it: itself, or in the sentinel form.
pub fn encode(name: &str) -> Option<HeaderValue> {
    if name.bytes().all(|byte| byte.is_ascii_graphic()) && !name.starts_with("=?base64?") {
        return HeaderValue::from_str(name).ok();
    }
    HeaderValue::try_from(format!("=?base64?{}?=", STANDARD.encode(name))).ok()
}

/// Decodes the sentinel form `=?base64?…?=`; other values are themselves.
fn decode(value: &str) -> Option<Cow<'_, str>> {
    let Some(encoded) = value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) else {
        return Some(Cow::Borrowed(value));
    };
    String::from_utf8(STANDARD.decode(encoded).ok()?).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(headers: &[(HeaderName, &str)], body: &str) -> Result<Era, Disagreement> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        agree(&map, &Message::parse(body.as_bytes()).unwrap())
    }

    const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add",
        "_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#;
    const LEGACY_CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add"}}"#;
    const V: HeaderName = PROTOCOL_VERSION;

    #[test]
    fn a_request_whose_headers_say_what_its_body_says_is_stateless() {
        let headers = [(V, "2026-07-28"), (METHOD, "tools/call"), (NAME, "add")];
        assert_eq!(judge(&headers, CALL), Ok(Era::Stateless));
        let headers = [(V, "2026-07-28"), (METHOD, "tools/call"), (NAME, "=?base64?YWRk?=")];
        assert_eq!(judge(&headers, CALL), Ok(Era::Stateless));
    }

    #[test]
    fn without_a_version_or_with_an_older_one_it_is_legacy() {
        assert_eq!(judge(&[], LEGACY_CALL), Ok(Era::Sessions));
        assert_eq!(judge(&[(V, "2025-11-25")], LEGACY_CALL), Ok(Era::Sessions));
        assert_eq!(judge(&[(V, "nonsense")], LEGACY_CALL), Ok(Era::Sessions));
        // In both places as well.
        let older = CALL.replace("2026-07-28", "2025-11-25");
        assert_eq!(judge(&[(V, "2025-11-25")], &older), Ok(Era::Sessions));
        let response = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
        assert_eq!(judge(&[(V, "2025-11-25")], response), Ok(Era::Sessions));
    }

    #[test]
    fn headers_that_disagree_are_refused() {
        type Case<'a> = (&'a [(HeaderName, &'a str)], &'a str, &'a str);
        let cases: &[Case<'_>] = &[
            (&[(METHOD, "tools/call"), (NAME, "add")], CALL, "MCP-Protocol-Version"),
            (&[(V, "2025-11-25"), (METHOD, "tools/call"), (NAME, "add")], CALL, "MCP-Protocol-Version"),
            (
                &[(V, "2026-07-28"), (V, "2026-07-28"), (METHOD, "tools/call"), (NAME, "add")],
                CALL,
                "MCP-Protocol-Version",
            ),
            (&[(V, "2026-07-28"), (NAME, "add")], CALL, "Mcp-Method"),
            (&[(V, "2026-07-28"), (METHOD, "tools/list"), (NAME, "add")], CALL, "Mcp-Method"),
            (&[(V, "2026-07-28"), (METHOD, "Tools/call"), (NAME, "add")], CALL, "Mcp-Method"),
            (&[(V, "2026-07-28"), (METHOD, "tools/call")], CALL, "Mcp-Name"),
            (&[(V, "2026-07-28"), (METHOD, "tools/call"), (NAME, "sub")], CALL, "Mcp-Name"),
            (&[(V, "2026-07-28"), (METHOD, "tools/call"), (NAME, "=?base64?!?=")], CALL, "Mcp-Name"),
            (&[(V, "2026-07-28"), (METHOD, "tools/call"), (NAME, "ädd")], CALL, "Mcp-Name"),
            (&[(V, "2026-07-28"), (METHOD, "tools/call"), (NAME, "add"), (NAME, "add")], CALL, "Mcp-Name"),
            // The legacy era knows no such headers; one that is there must not lie.
            (&[(METHOD, "tools/list")], LEGACY_CALL, "Mcp-Method"),
            (&[(NAME, "sub")], LEGACY_CALL, "Mcp-Name"),
            (&[(METHOD, "x")], r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, "Mcp-Method"),
        ];
        for (headers, body, header) in cases {
            let Err(Disagreement::Mismatch(mismatch)) = judge(headers, body) else { panic!("{headers:?}") };
            assert_eq!(mismatch.header, *header, "{headers:?}");
        }
    }

    #[test]
    fn a_request_without_its_version_lacks_a_parameter() {
        let headers = [(V, "2026-07-28"), (METHOD, "tools/call"), (NAME, "add")];
        for version in ["7", "null", &format!("\"{}\"", "2".repeat(9_000))] {
            let body = CALL.replace("\"2026-07-28\"", version);
            assert_eq!(judge(&headers, &body), Err(Disagreement::NoVersion), "{version:.20}");
        }
        assert_eq!(judge(&headers, LEGACY_CALL), Err(Disagreement::NoVersion));
        let empty = LEGACY_CALL.replace(r#""name":"add""#, r#""name":"add","_meta":{}"#);
        assert_eq!(judge(&headers, &empty), Err(Disagreement::NoVersion));
    }

    #[test]
    fn a_version_that_is_not_known_passes_in_both_places_and_is_named_in_the_header_alone() {
        let headers = [(V, "2099-01-01"), (METHOD, "tools/call"), (NAME, "add")];
        assert_eq!(judge(&headers, &CALL.replace("2026-07-28", "2099-01-01")), Ok(Era::Stateless));
        let unknown = Disagreement::UnknownVersion("2099-01-01".to_owned());
        assert!(unknown.to_string().contains("2026-07-28, 2025-11-25"), "{unknown}");
        assert_eq!(judge(&headers, LEGACY_CALL), Err(unknown));
    }

    #[test]
    fn a_name_is_read_back_from_its_header() {
        for name in ["add", "a b", "ädd", "=?base64?x", ""] {
            let value = encode(name).unwrap();
            assert_eq!(decode(value.to_str().unwrap()).unwrap(), name);
        }
    }

    #[test]
    fn what_names_nothing_needs_no_name_in_a_header() {
        let nameless = CALL.replace(r#""name":"add","#, "");
        assert_eq!(judge(&[(V, "2026-07-28"), (METHOD, "tools/call")], &nameless), Ok(Era::Stateless));
        judge(&[(V, "2026-07-28"), (METHOD, "tools/call"), (NAME, "add")], &nameless).unwrap_err();
    }

    #[test]
    fn stateless_clients_send_no_responses() {
        let response = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
        judge(&[(V, "2026-07-28")], response).unwrap_err();
    }
}
