//! How a message of the log is written down: JSON lines that miss nothing, CSV for tables, CloudEvents for programs.

use clap::ValueEnum;
use events::Read;
use serde_json::Value;

use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::record::Record;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// One JSON value a line: the place, and the event as it is stored
    #[default]
    Jsonl,
    /// A table (RFC 4180) with the event's data as JSON
    Csv,
    /// One CloudEvent a line: the event as it is stored, with its `sequence` and `position`
    Cloudevents,
    /// Apache Parquet, as exports write it: with --output FILE
    Parquet,
}

pub const COLUMNS: &str = "position,stored_at,time,type,schemaversion,organization,aggregatetype,aggregateid,actor,commandid,id,data,unreadable";

/// What stands above all.
pub fn begin(format: Format, output: &mut Output) -> Result<(), CliError> {
    match format {
        Format::Csv => output.exact_line(COLUMNS),
        Format::Jsonl | Format::Cloudevents | Format::Parquet => Ok(()),
    }
}

pub fn write(format: Format, message: &Record<'_>, output: &mut Output) -> Result<(), CliError> {
    match (format, message.read) {
        (Format::Jsonl, _) => output.json_line(&message.line()),
        // Nothing that somebody else put there is passed off as an event; that it is there is said.
        (Format::Csv | Format::Cloudevents, Read::Foreign(foreign)) => {
            output.note(format!("{}: left out: {}", message.position(), foreign.reason));
            Ok(())
        }
        (Format::Csv, _) => output.exact_line(&row_of(message)),
        (Format::Cloudevents, _) => match message.cloud_event() {
            Some(event) => output.exact_line(&event),
            None => {
                output.note(format!("{}: left out: it is no JSON object", message.position()));
                Ok(())
            }
        },
        (Format::Parquet, _) => Err(no_text()),
    }
}

pub fn no_text() -> CliError {
    CliError::Usage(
        "Parquet is no text and has its index at its end: `events replay --format parquet --output FILE`"
            .to_owned(),
    )
}

/// A row of the table, by what stands in each column.
pub fn row(cell: impl Fn(&str) -> String) -> String {
    COLUMNS.split(',').map(|column| quoted(&cell(column))).collect::<Vec<_>>().join(",")
}

/// A value as it stands in a cell.
pub fn cell(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        None | Some(Value::Null) => String::new(),
        Some(other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_))) => {
            other.to_string()
        }
    }
}

fn row_of(message: &Record<'_>) -> String {
    let members = message.members();
    row(|column| match column {
        "position" => message.position().to_string(),
        "stored_at" => message.stored.stored_at.to_string(),
        "unreadable" => message.problem().unwrap_or_default(),
        member => cell(members.get(member)),
    })
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
