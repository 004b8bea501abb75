//! Fuzz targets: what carries a key, and what the gateway gave out and takes back from its own alone.

use std::sync::Arc;

use bytes::Bytes;
use domain::key::secret::ParsedKey;
use events::UserId;
use events::clock::SystemRandom;
use events::key::KeyOwner;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

use super::credential::Credential;
use super::principal::Principal;
use super::session::{SessionError, Sessions};
use super::tasks::Tasks;
use super::testing::{key, server};
use crate::access_token;
use crate::mcp::header::SESSION_ID;
use crate::mcp::{Message, Needs, needs};

const URL: &str = "https://docs.example.com/mcp";
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

fn principal(scopes: &str) -> Principal {
    key(2, KeyOwner::User { id: UserId::new(Uuid::from_u128(1)) }, scopes)
}

/// Lines that begin with `a` are values of Authorization, others of X-API-Key; the rest of the line is the value.
#[test]
fn credential() {
    fuzz::target!("credential", |input| {
        let mut headers = HeaderMap::new();
        for line in input.split(|byte| *byte == b'\n').take(8) {
            let Some((first, value)) = line.split_first() else { continue };
            let name = if *first == b'a' { AUTHORIZATION } else { API_KEY };
            if let Ok(value) = HeaderValue::from_bytes(value) {
                headers.append(name, value);
            }
        }
        let Ok(credential) = Credential::read(&headers) else { return false };
        assert_eq!(headers.len(), 1, "one credential");
        let (text, longest) = match credential {
            Credential::Key(text) => (text, ParsedKey::MAX_BYTES),
            Credential::Token(text) => (text, access_token::MAX_BYTES + 8),
        };
        let value = headers.values().next().unwrap().to_str().unwrap();
        if let Some(authorization) = headers.get(AUTHORIZATION) {
            let scheme = &authorization.as_bytes()[.."bearer ".len()];
            assert!(scheme.eq_ignore_ascii_case(b"bearer "), "{value}");
        }
        assert!(value.trim_end().ends_with(text), "it stands at the end of {value}");
        assert_eq!(text, text.trim());
        assert!(text.len() <= longest, "{value}");
        let _ = ParsedKey::parse(text);
        true
    });
}

#[test]
fn session() {
    let sessions = Sessions::new([&[7; 32]], Arc::new(SystemRandom)).unwrap();
    let (server, own) = (server(1, URL), principal("mcp:*"));
    let sealed = sessions.seal(&HeaderValue::from_static("abc-123"), &server, &own).unwrap();
    fuzz::target!("session", seeds: [sealed.as_bytes().to_vec()], |input| {
        let Ok(value) = HeaderValue::from_bytes(input) else { return false };
        let headers = HeaderMap::from_iter([(SESSION_ID, value)]);
        match sessions.open(&headers, &server, &own) {
            Ok(opened) => {
                assert_eq!(input, sealed.as_bytes(), "what was not sealed here is opened");
                assert_eq!(opened.unwrap().upstream, "abc-123");
                true
            }
            Err(error) => {
                assert_eq!(error, SessionError::Unknown);
                false
            }
        }
    });
}

#[test]
fn task() {
    let (tasks, server, own) = (Tasks::new([&[7; 32]]), server(1, URL), principal("mcp:docs:tools:slow"));
    let judge = |body: String| {
        let body = Bytes::from(body);
        let message = Message::parse(&body).ok()?;
        let needs = needs(&message).ok()?;
        tasks.judge(&message, needs, &body, &mut HeaderMap::new(), &server, &own).ok()
    };
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"slow","task":{}}}"#;
    let given = judge(call.to_owned()).and_then(|made| made.naming?.give("up-1")).unwrap();
    fuzz::target!("task", seeds: [given.clone().into_bytes()], |input| {
        let Ok(id) = std::str::from_utf8(input) else { return false };
        let text = serde_json::to_string(id).unwrap();
        let poll = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{{"taskId":{text}}}}}"#
        );
        let related = format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/x","params":{{"_meta":{{"io.modelcontextprotocol/related-task":{{"taskId":{text}}}}}}}}}"#
        );
        assert_eq!(judge(related).is_some(), id == given, "a task that was not given to it is mentioned");
        match judge(poll) {
            Some(asked) if id == given => {
                assert_eq!(asked.naming.unwrap().give("up-1").unwrap(), given);
                true
            }
            Some(asked) => {
                assert!(asked.naming.is_none() && asked.body.is_none(), "a task that was not given to it");
                assert_eq!(asked.needs, Needs::Task(id.into()), "it needs the whole server");
                false
            }
            None => false,
        }
    });
}
