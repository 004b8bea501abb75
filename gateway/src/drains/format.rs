//! What an event looks like to a receiver: as it is stored, as CEF, as OCSF. All are made of what the payload says of
//! itself, so that an event that this version can't read is told as well.

use events::{Position, Timestamp};
use projections::postgres::text::Texts;
use serde_json::{Map, Value, json};

use super::kind::{Meaning, Severity};
use crate::config::DrainFormat;
use crate::record::{Members, Record};

mod cef;
mod ocsf;

/// What stands for the type of a message that is no event.
const FOREIGN: &str = "foreign.message";

/// One event, as it is sent.
#[derive(Clone, Debug)]
pub struct Message {
    pub position: Position,
    /// When it happened; of what does not say, when the log stored it.
    pub time: Timestamp,
    /// The event's type.
    pub kind: String,
    pub severity: Severity,
    /// One line.
    pub body: String,
    /// Whether that is a JSON value.
    pub is_json: bool,
}

/// Makes messages.
pub(super) struct Formatter(DrainFormat);

/// What every format is made of.
struct Facts<'a> {
    members: &'a Members,
    position: Position,
    stored_at: Timestamp,
    subject: &'a str,
    time: Timestamp,
    kind: &'a str,
    meaning: Meaning,
    /// Why it is not what it should be.
    problem: Option<String>,
    /// `null` in it is forgotten.
    texts: Option<Value>,
}

impl Formatter {
    pub fn new(format: DrainFormat) -> Self {
        Self(format)
    }

    pub fn message(&self, record: &Record<'_>, texts: Option<&Texts>) -> Message {
        let members = record.members();
        let named = if record.is_foreign() { None } else { members.text("type") };
        let problem = record.problem();
        let kind = named.unwrap_or(if record.is_foreign() { FOREIGN } else { "unreadable.event" });
        let facts = Facts {
            position: record.position(),
            stored_at: record.stored.stored_at,
            subject: &record.stored.subject,
            time: time(&members).unwrap_or(record.stored.stored_at),
            kind,
            meaning: Meaning::of(kind, problem.is_none()),
            problem,
            texts: texts.map(told),
            members: &members,
        };
        let body = match self.0 {
            DrainFormat::Event => as_stored(record, &facts),
            DrainFormat::Cef => cef::line(&facts),
            DrainFormat::Ocsf => ocsf::event(&facts).to_string(),
        };
        Message {
            position: facts.position,
            time: facts.time,
            kind: kind.to_owned(),
            severity: facts.meaning.severity,
            body,
            is_json: self.0 != DrainFormat::Cef,
        }
    }

    /// What an operator sends to see whether it arrives.
    pub fn trial(&self, now: Timestamp) -> Message {
        let position =
            Position { log: events::LogId::new(uuid::Uuid::nil()), shard: events::Shard::ZERO, sequence: 0 };
        let members = Members::default();
        let facts = Facts {
            members: &members,
            position,
            stored_at: now,
            subject: "",
            time: now,
            kind: "drain.tested",
            meaning: Meaning::of("drain.tested", true),
            problem: None,
            texts: None,
        };
        let body = match self.0 {
            DrainFormat::Event => json!({ "type": facts.kind, "time": now }).to_string(),
            DrainFormat::Cef => cef::line(&facts),
            DrainFormat::Ocsf => ocsf::event(&facts).to_string(),
        };
        Message {
            position,
            time: now,
            kind: facts.kind.to_owned(),
            severity: Severity::Informational,
            body,
            is_json: self.0 != DrainFormat::Cef,
        }
    }
}

fn time(members: &Members) -> Option<Timestamp> {
    members.text("time")?.parse().ok()
}

fn told(texts: &Texts) -> Value {
    let told: Map<_, _> =
        texts.iter().map(|(field, text)| (field.as_str().to_owned(), text.clone())).collect();
    Value::Object(told)
}

/// The CloudEvent, byte for byte, with its place, the texts that are open and what is wrong with it behind. A payload with
/// a line break in it, which Keyledger writes none of, would be two lines: it is told as what it is.
fn as_stored(record: &Record<'_>, facts: &Facts<'_>) -> String {
    let whole = if record.is_foreign() { None } else { record.cloud_event() };
    let whole = whole.filter(|event| !event.contains(['\n', '\r']));
    let Some(mut event) = whole else {
        return json!({
            "type": facts.kind,
            "position": facts.position,
            "stored_at": facts.stored_at,
            "subject": facts.subject,
            "problem": facts.problem,
        })
        .to_string();
    };
    if let Some(texts) = &facts.texts
        && event.pop() == Some('}')
    {
        event.push_str(&format!(r#","texts":{texts}}}"#));
    }
    event
}

#[cfg(test)]
mod tests;
