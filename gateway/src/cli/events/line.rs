//! How a message of the log is written down: JSON lines that miss nothing, CSV for tables, CloudEvents for programs.

use clap::ValueEnum;
use events::log::Stored;
use events::{LogId, Position, Read, Shard, Timestamp};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::cli::error::CliError;
use crate::cli::output::Output;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// One JSON value a line: the place, and the event as it is stored
    #[default]
    Jsonl,
    /// A table (RFC 4180) with the event's data as JSON
    Csv,
    /// One CloudEvent a line: the event as it is stored, with its `sequence` and `position`
    Cloudevents,
}

/// A message of the log, and what it turned out to be.
pub struct Message<'a> {
    pub log: LogId,
    pub stored: &'a Stored,
    pub read: &'a Read,
}

#[derive(Serialize)]
struct Line<'a> {
    position: Position,
    stored_at: Timestamp,
    subject: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'a RawValue>,
    /// Why this version can't read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<String>,
    /// Why it is no event of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    foreign: Option<String>,
}

const COLUMNS: &str = "position,stored_at,time,type,schemaversion,organization,aggregatetype,aggregateid,actor,commandid,id,data";

impl Format {
    pub fn begin(self, output: &mut Output) -> Result<(), CliError> {
        match self {
            Self::Csv => output.exact_line(COLUMNS),
            Self::Jsonl | Self::Cloudevents => Ok(()),
        }
    }

    pub fn write(self, message: &Message<'_>, output: &mut Output) -> Result<(), CliError> {
        match (self, message.read) {
            (Self::Jsonl, _) => output.json_line(&message.line()),
            // Nothing that somebody else put there is passed off as an event; that it is there is said.
            (Self::Csv | Self::Cloudevents, Read::Foreign(foreign)) => {
                output.note(format!("{}: left out: {}", message.position(), foreign.reason));
                Ok(())
            }
            (Self::Csv, _) => output.exact_line(&message.row()),
            (Self::Cloudevents, _) => match message.cloud_event() {
                Some(event) => output.exact_line(&event),
                None => {
                    output.note(format!("{}: left out: it is no JSON object", message.position()));
                    Ok(())
                }
            },
        }
    }
}

impl Message<'_> {
    fn position(&self) -> Position {
        Position { log: self.log, shard: Shard::ZERO, sequence: self.stored.sequence }
    }

    fn line(&self) -> Line<'_> {
        let (unreadable, foreign) = match self.read {
            Read::Event(_) => (None, None),
            Read::Unreadable(unreadable) => (Some(unreadable.reason.to_string()), None),
            Read::Foreign(foreign) => (None, Some(foreign.reason.to_string())),
        };
        let event = if foreign.is_none() { serde_json::from_slice(&self.stored.payload).ok() } else { None };
        Line {
            position: self.position(),
            stored_at: self.stored.stored_at,
            subject: &self.stored.subject,
            event,
            unreadable,
            foreign,
        }
    }

    /// The stored bytes with two members more. The sequence sorts as text does (CloudEvents' extension `sequence`).
    fn cloud_event(&self) -> Option<String> {
        let text = std::str::from_utf8(&self.stored.payload).ok()?;
        let members = text.trim_end().strip_suffix('}')?;
        let position = self.position();
        Some(format!(r#"{members},"sequence":"{:020}","position":"{position}"}}"#, self.stored.sequence))
    }

    fn row(&self) -> String {
        let event: serde_json::Value = serde_json::from_slice(&self.stored.payload).unwrap_or_default();
        let mut cells = vec![self.position().to_string(), self.stored.stored_at.to_string()];
        for member in COLUMNS.split(',').skip(2) {
            cells.push(match event.get(member) {
                Some(serde_json::Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
                None => String::new(),
            });
        }
        cells.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(",")
    }
}

/// A cell of RFC 4180 §2. What a spreadsheet would take for a formula stands behind an apostrophe.
fn quoted(cell: &str) -> String {
    let formula = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    if formula.is_empty() && !cell.contains([',', '"', '\r', '\n']) {
        return cell.to_owned();
    }
    format!("\"{formula}{}\"", cell.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_holds_what_it_says_and_runs_nothing() {
        for (cell, written) in [
            ("key.issued", "key.issued"),
            ("", ""),
            (r#"{"a":1,"b":2}"#, r#""{""a"":1,""b"":2}""#),
            ("=cmd()", "\"'=cmd()\""),
            ("a\nb", "\"a\nb\""),
        ] {
            assert_eq!(quoted(cell), written);
        }
    }
}
