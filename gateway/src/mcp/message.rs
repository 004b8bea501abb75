//! One JSON-RPC message, borrowed from the body that holds it.
//!
//! Only what authorization and the era need is read; the rest is skipped and passes on untouched. Refused,
//! since the upstream's parser could read another message than we do: duplicate members on every level that
//! is read (most parsers take the last), members that differ from ours in case alone (Go's parser takes
//! them for ours), batches, and text that is not UTF-8.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

mod member;
mod params;

pub use member::Member;
pub(super) use member::{Members, Text};
use params::Outcome;
pub use params::{ListChanges, Params};

/// One JSON-RPC 2.0 message.
#[derive(Debug)]
pub struct Message<'a> {
    pub shape: Shape,
    /// A request's id as it stands in the body: a string or a number, for the answer to repeat.
    pub id: Option<&'a RawValue>,
    /// Empty for a response.
    pub method: Cow<'a, str>,
    pub params: Params<'a>,
    /// Of a response.
    outcome: Outcome<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A method and an id.
    Request,
    /// A method without an id.
    Notification,
    /// A result or an error: the client answers the server (2025-11-25 and earlier).
    Response,
}

/// The body is no message that passes.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    #[error("JSON-RPC batches are not supported: send one message a request")]
    Batch,
    #[error("not a JSON-RPC 2.0 message that can be passed on: {0}")]
    Invalid(String),
}

/// An id is at most this long, in bytes as it stands in the body.
const MAX_ID: usize = 1_024;

const KNOWN: &[&str] = &["jsonrpc", "id", "method", "params", "result", "error"];

impl<'a> Message<'a> {
    /// Reads a whole body.
    pub fn parse(body: &'a [u8]) -> Result<Self, MessageError> {
        let text =
            std::str::from_utf8(body).map_err(|_| MessageError::NotJson("it is not UTF-8".to_owned()))?;
        if text.trim_ascii_start().starts_with('[') {
            return Err(MessageError::Batch);
        }
        let Wire { jsonrpc, id, method, params, outcome, answers } =
            serde_json::from_str(text).map_err(|error| match error.classify() {
                serde_json::error::Category::Data => MessageError::Invalid(error.to_string()),
                serde_json::error::Category::Syntax
                | serde_json::error::Category::Eof
                | serde_json::error::Category::Io => MessageError::NotJson(error.to_string()),
            })?;
        let invalid = |why: &str| Err(MessageError::Invalid(why.to_owned()));
        if jsonrpc.text() != Some("2.0") {
            return invalid("jsonrpc is \"2.0\"");
        }
        if let Some(id) = id {
            let number_or_text = matches!(id.get().as_bytes().first(), Some(b'"' | b'-' | b'0'..=b'9'));
            if !number_or_text || id.get().len() > MAX_ID {
                return invalid("an id is a number or a string of at most 1,024 bytes");
            }
        }
        let (shape, method) = match (method, id, answers) {
            (Member::Text(method), Some(_), false) => (Shape::Request, method),
            (Member::Text(method), None, false) => (Shape::Notification, method),
            (Member::Absent, Some(_), true) => (Shape::Response, Cow::Borrowed("")),
            (Member::Text(_), _, true) => return invalid("it has a method and a result or an error"),
            (Member::Absent, _, _) => return invalid("it has no method"),
            (Member::TooLong, _, _) => return invalid("its method is longer than any"),
            (Member::Other, _, _) => return invalid("its method is no string"),
        };
        Ok(Self { shape, id, method, params, outcome })
    }

    /// The ids of tasks that it mentions, beside the one that its method may be for: in `_meta`, and in a notification.
    /// Those that a response gives are of the client's own tasks.
    pub fn tasks(&self) -> impl Iterator<Item = &Member<'a>> {
        let told = (self.shape == Shape::Notification).then_some(&self.params.task_id);
        [&self.params.meta, &self.outcome.meta].map(|meta| &meta.related.task_id).into_iter().chain(told)
    }
}

/// The top level as it stands.
struct Wire<'a> {
    jsonrpc: Member<'a>,
    id: Option<&'a RawValue>,
    method: Member<'a>,
    params: Params<'a>,
    outcome: Outcome<'a>,
    /// It has a result or an error.
    answers: bool,
}

impl<'de> Deserialize<'de> for Wire<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(WireVisitor)
    }
}

struct WireVisitor;

impl<'de> Visitor<'de> for WireVisitor {
    type Value = Wire<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Wire<'de>, A::Error> {
        let mut wire = Wire {
            jsonrpc: Member::Absent,
            id: None,
            method: Member::Absent,
            params: Params::default(),
            outcome: Outcome::default(),
            answers: false,
        };
        let mut members = Members::new(KNOWN);
        while let Some(Text(key)) = map.next_key()? {
            match &*key {
                "jsonrpc" => wire.jsonrpc = map.next_value()?,
                "id" => wire.id = Some(map.next_value()?),
                "method" => wire.method = map.next_value()?,
                "params" => wire.params = map.next_value()?,
                "result" => {
                    wire.outcome = map.next_value()?;
                    wire.answers = true;
                }
                "error" => {
                    map.next_value::<IgnoredAny>()?;
                    wire.answers = true;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            members.meet(key).map_err(A::Error::custom)?;
        }
        Ok(wire)
    }
}

#[cfg(test)]
mod tests;
