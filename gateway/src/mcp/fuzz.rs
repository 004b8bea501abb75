//! Fuzz targets: what is read of a message is what an ordinary parser reads, and headers that pass agree with it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use events::ScopeSet;
use events::members::Members;
use events::slug::Slug;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::header::{METHOD, NAME, PROTOCOL_VERSION, agree};
use super::message::Member;
use super::{Era, Message, Shape, list, needs, task};

#[test]
fn message() {
    fuzz::target!("message", |body| {
        let Ok(message) = Message::parse(body) else { return false };
        let text = std::str::from_utf8(body).unwrap();
        once(text);
        once_in(text, "params");
        let _ = needs(&message);
        renamed(text, &message);
        let Some(value) = value(text) else { return true };
        assert_eq!(message.id.map(|id| value_of(id.get())), value.get("id").cloned());
        assert_eq!(value.get("method").map_or("", |method| method.as_str().unwrap()), message.method);
        let shape = match (value.get("method"), value.get("id")) {
            (Some(_), Some(_)) => Shape::Request,
            (Some(_), None) => Shape::Notification,
            (None, _) => Shape::Response,
        };
        assert_eq!(message.shape, shape);
        let params = &value["params"];
        same(&message.params.name, params.get("name"));
        same(&message.params.uri, params.get("uri"));
        same(&message.params.task_id, params.get("taskId"));
        same(&message.params.reference.name, params["ref"].get("name"));
        same(&message.params.reference.uri, params["ref"].get("uri"));
        let version = params["_meta"].get("io.modelcontextprotocol/protocolVersion");
        same(&message.params.meta.version, version);
        true
    });
}

/// What is shown of a list is JSON, holds nothing that may not be used, and is all shown when it comes again.
#[test]
fn list() {
    let (scopes, docs): (ScopeSet, Slug) =
        ("mcp:docs:tools:a* mcp:docs:resources:file%3A*".parse().unwrap(), "docs".parse().unwrap());
    let shown = |answer: &str| list::shown(answer, None, true, |needs| needs.met_by(&scopes, &docs));
    fuzz::target!("list", |answer| {
        let Ok(Some(once)) = std::str::from_utf8(answer).map_err(drop).and_then(|it| shown(it).map_err(drop))
        else {
            return false;
        };
        assert_eq!(shown(&once), Ok(None));
        let Some(value) = value(&once) else { return true };
        for tool in value["result"]["tools"].as_array().into_iter().flatten() {
            assert!(tool["name"].as_str().is_some_and(|name| name.starts_with('a')), "{once}");
        }
        assert!(value["result"]["prompts"].as_array().is_none_or(Vec::is_empty), "{once}");
        true
    });
}

/// The body as an ordinary parser reads it; `None`: it is beyond what this one takes, as JSON may be (RFC 8259 §9).
fn value(text: &str) -> Option<Value> {
    match serde_json::from_str(text) {
        Ok(value) => Some(value),
        Err(error) => {
            let beyond =
                ["recursion limit", "number out of range", "surrogate", "unexpected end of hex escape"];
            let told = error.to_string();
            assert!(beyond.iter().any(|beyond| told.contains(beyond)), "no JSON, and it passes: {told}");
            None
        }
    }
}

fn value_of(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

fn same(member: &Member<'_>, value: Option<&Value>) {
    match (member, value) {
        (Member::Absent, None) => {}
        (Member::Text(text), Some(Value::String(value))) => assert_eq!(text, value),
        (Member::TooLong, Some(Value::String(value))) => assert!(value.len() > 8 * 1_024),
        (Member::Other, Some(value)) => assert!(!value.is_string()),
        (member, value) => panic!("{member:?} is read, and {value:?} stands there"),
    }
}

/// No member stands twice.
fn once(object: &str) {
    let Members(members) = serde_json::from_str(object).unwrap();
    for (at, (name, _)) in members.iter().enumerate() {
        assert!(members[..at].iter().all(|(other, _)| other != name), "{name} stands twice");
    }
}

fn once_in(object: &str, member: &str) {
    let Members(members) = serde_json::from_str(object).unwrap();
    if let Some((_, value)) = members.iter().find(|(name, _)| name == member)
        && value.get() != "null"
    {
        once(value.get());
    }
}

/// With another id for its tasks it is the same message.
fn renamed(text: &str, message: &Message<'_>) {
    assert_eq!(task::renamed(text, |_| None), None);
    let Some(renamed) = task::renamed(text, |_| Some("\"other\"".to_owned())) else { return };
    let again = Message::parse(renamed.as_bytes()).unwrap();
    assert_eq!((again.shape, &again.method), (message.shape, &message.method));
    assert_eq!(again.params.name, message.params.name);
    assert_eq!(again.params.uri, message.params.uri);
    if message.params.task_id.text().is_some() {
        assert_eq!(again.params.task_id.text(), Some("\"other\""), "{renamed}");
    }
}

/// A request as it comes: lines of headers, an empty one, and the body.
#[test]
fn headers() {
    fuzz::target!("headers", |request| {
        let end = request.windows(2).position(|two| two == b"\n\n").unwrap_or_default();
        let (head, body) = request.split_at(end);
        let headers = lines(head);
        let Ok(message) = Message::parse(body) else { return false };
        let Ok(era) = agree(&headers, &message) else { return false };
        for name in [PROTOCOL_VERSION, METHOD, NAME] {
            assert!(headers.get_all(name).iter().count() <= 1, "one of each");
        }
        let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap());
        let (version, method, name) = (text(PROTOCOL_VERSION), text(METHOD), text(NAME));
        if let Some(method) = method {
            assert_eq!(method, message.method);
        }
        if let Member::Text(body) = &message.params.meta.version {
            assert_eq!(version, Some(&**body));
        }
        let named = match &*message.method {
            "tools/call" | "prompts/get" => Some(&message.params.name),
            "resources/read" => Some(&message.params.uri),
            _ => None,
        };
        if let (Some(named), Some(name)) = (named, name) {
            let encoded = name.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?="));
            let said = match encoded {
                Some(encoded) => STANDARD.decode(encoded).unwrap(),
                None => name.as_bytes().to_vec(),
            };
            assert_eq!(named.text().map(str::as_bytes), Some(&*said), "{name} is not {named:?}");
        }
        assert_eq!(era, version.map_or(Era::Sessions, Era::of_version));
        if (era, message.shape) == (Era::Stateless, Shape::Request) {
            assert!(method.is_some(), "a request of this era says its method");
            assert!(name.is_some() || named.is_none_or(|named| named.text().is_none()), "and its name");
        }
        true
    });
}

/// What is no header is left out, as HTTP's own parser would not have let it pass.
fn lines(head: &[u8]) -> HeaderMap {
    let line = |line: &[u8]| {
        let at = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..at]).ok()?;
        Some((name, HeaderValue::from_bytes(line[at + 1..].trim_ascii()).ok()?))
    };
    let mut headers = HeaderMap::new();
    for (name, value) in head.split(|byte| *byte == b'\n').filter_map(line).take(64) {
        headers.append(name, value);
    }
    headers
}
