//! A message of the log as others are given it: a CloudEvent with its place, and what of it stands in tables.
//!
//! What this version can't read, and what is no event of Keyledger's, is told as such: whoever follows misses nothing.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use events::log::Stored;
use events::{LogId, Position, Read, Shard, Timestamp};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// A message of the log, and what it turned out to be.
pub struct Record<'a> {
    pub log: LogId,
    pub stored: &'a Stored,
    pub read: &'a Read,
}

/// A message whose payload stands in it as it is stored.
#[derive(Serialize)]
pub struct Line<'a> {
    position: Position,
    stored_at: Timestamp,
    subject: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<Box<RawValue>>,
    /// The message in base64, where `event` is not the message byte for byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<String>,
    /// Why this version can't read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<String>,
    /// Why it is no event of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    foreign: Option<String>,
}

/// What a payload says of itself, whether or not this version can read it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Members(Map<String, Value>);

impl Record<'_> {
    pub fn position(&self) -> Position {
        Position { log: self.log, shard: Shard::ZERO, sequence: self.stored.sequence }
    }

    /// Why it is not what it should be.
    pub fn problem(&self) -> Option<String> {
        match self.read {
            Read::Event(_) => None,
            Read::Unreadable(unreadable) => Some(unreadable.reason.to_string()),
            Read::Foreign(foreign) => Some(foreign.reason.to_string()),
        }
    }

    pub fn is_foreign(&self) -> bool {
        matches!(self.read, Read::Foreign(_))
    }

    pub fn line(&self) -> Line<'_> {
        let problem = self.problem();
        let (unreadable, foreign) = if self.is_foreign() { (None, problem) } else { (problem, None) };
        let payload = &self.stored.payload;
        let event = if foreign.is_none() { one_line(payload) } else { None };
        let exact = event.as_ref().is_some_and(|event| event.get().as_bytes() == payload);
        Line {
            position: self.position(),
            stored_at: self.stored.stored_at,
            subject: &self.stored.subject,
            event,
            payload: (!exact).then(|| STANDARD.encode(payload)),
            unreadable,
            foreign,
        }
    }

    /// The stored bytes with two members more, and with `unreadable` where nobody obeys it. The sequence sorts as text does
    /// (CloudEvents' extension `sequence`). `None`: it is no JSON object.
    pub fn cloud_event(&self) -> Option<String> {
        let text = std::str::from_utf8(&self.stored.payload).ok()?;
        let members = text.trim_end().strip_suffix('}')?;
        let position = self.position();
        let problem = self.problem().map(|problem| format!(r#","unreadable":{}"#, Value::from(problem)));
        let (sequence, problem) = (self.stored.sequence, problem.unwrap_or_default());
        Some(format!(r#"{members},"sequence":"{sequence:020}","position":"{position}"{problem}}}"#))
    }

    pub fn members(&self) -> Members {
        Members::of(&self.stored.payload)
    }
}

/// A JSON value as it stands, or without the line feeds in it: a line is one value.
fn one_line(payload: &[u8]) -> Option<Box<RawValue>> {
    if payload.iter().all(|byte| !matches!(byte, b'\n' | b'\r')) {
        return serde_json::from_slice(payload).ok();
    }
    let value: Value = serde_json::from_slice(payload).ok()?;
    serde_json::value::to_raw_value(&value).ok()
}

impl Members {
    /// None, where it is no JSON object.
    pub fn of(payload: &[u8]) -> Self {
        Self(serde_json::from_slice(payload).unwrap_or_default())
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }
}
