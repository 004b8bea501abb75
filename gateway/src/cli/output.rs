//! Everything that the command line says, in one place: tables for people, JSON for programs.
//!
//! A reader that has gone (`| head`, `| true`) changes no exit code: words that nobody reads are dropped, and the command
//! goes on to its verdict. Streams alone, a line at once, end there: some of them have no other end.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::error::CliError;
use crate::unseen::{escaped, one_line, printable};

pub struct Output {
    out: Box<dyn Write>,
    err: Box<dyn Write>,
}

/// One column of a table: its head, and what stands in it for an item.
pub struct Column {
    pub head: &'static str,
    pub cell: fn(&Value) -> String,
}

impl Output {
    pub fn standard() -> Self {
        Self { out: Box::new(io::stdout()), err: Box::new(io::stderr()) }
    }

    /// What was asked for goes into a file.
    pub fn file(path: &Path) -> Result<Self, CliError> {
        let file = std::fs::File::create(path).map_err(CliError::Output)?;
        Ok(Self { out: Box::new(file), err: Box::new(io::stderr()) })
    }

    #[cfg(test)]
    pub fn to(out: impl Write + 'static, err: impl Write + 'static) -> Self {
        Self { out: Box::new(out), err: Box::new(err) }
    }

    pub fn line(&mut self, text: impl AsRef<str>) -> Result<(), CliError> {
        self.say(&format!("{}\n", printable(text.as_ref())))
    }

    /// A text of ours with its own line feeds, byte for byte.
    pub fn text(&mut self, text: &str) -> Result<(), CliError> {
        self.say(text)
    }

    fn say(&mut self, text: &str) -> Result<(), CliError> {
        match self.out.write_all(text.as_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            said => Ok(said?),
        }
    }

    /// As it is, for programs, at once: one of a stream.
    pub fn exact_line(&mut self, text: &str) -> Result<(), CliError> {
        writeln!(self.out, "{text}")?;
        self.out.flush()?;
        Ok(())
    }

    /// Beside what was asked for: to standard error.
    pub fn note(&mut self, text: impl AsRef<str>) {
        // Nobody is left to tell when this fails.
        let _ = writeln!(self.err, "{}", printable(text.as_ref()));
    }

    pub fn error(&mut self, error: &CliError) {
        match error.problem() {
            Some(problem) => self.note(format!("keyledger: {error} [{}]", problem.name())),
            None => self.note(format!("keyledger: {error}")),
        }
    }

    /// A whole document, as it is.
    pub fn document(&mut self, text: &str) -> Result<(), CliError> {
        self.say(text)
    }

    /// JSON for people and programs.
    pub fn json(&mut self, value: &impl Serialize) -> Result<(), CliError> {
        self.say(&format!("{}\n", escaped(&serde_json::to_string_pretty(value).map_err(io::Error::from)?)))
    }

    /// One JSON value a line, at once: one of a stream.
    pub fn json_line(&mut self, value: &impl Serialize) -> Result<(), CliError> {
        writeln!(self.out, "{}", escaped(&serde_json::to_string(value).map_err(io::Error::from)?))?;
        self.out.flush()?;
        Ok(())
    }

    pub fn table(&mut self, columns: &[Column], items: &[Value]) -> Result<(), CliError> {
        let rows: Vec<Vec<String>> =
            std::iter::once(columns.iter().map(|column| column.head.to_owned()).collect())
                .chain(
                    items
                        .iter()
                        .map(|item| columns.iter().map(|column| one_line(&(column.cell)(item))).collect()),
                )
                .collect();
        let widths: Vec<usize> =
            (0..columns.len()).map(|at| rows.iter().map(|row| width(&row[at])).max().unwrap_or(0)).collect();
        for row in &rows {
            let mut line = String::new();
            for (cell, width_of_column) in row.iter().zip(&widths) {
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', width_of_column - width(cell) + 2));
            }
            self.say(&format!("{}\n", line.trim_end()))?;
        }
        Ok(())
    }

    /// One thing: a line for each of its columns.
    pub fn card(&mut self, columns: &[Column], item: &Value) -> Result<(), CliError> {
        let widest = columns.iter().map(|column| width(column.head)).max().unwrap_or(0);
        for column in columns {
            let head = format!("{}{}", column.head, " ".repeat(widest - width(column.head)));
            self.say(&format!("{head}  {}\n", one_line(&(column.cell)(item))))?;
        }
        Ok(())
    }
}

/// A member's text, or `-`.
pub fn text(item: &Value, member: &str) -> String {
    match item.get(member) {
        Some(Value::String(text)) => text.clone(),
        None | Some(Value::Null) => "-".to_owned(),
        Some(other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_))) => {
            other.to_string()
        }
    }
}

/// An id with its name beside it.
pub fn named(item: &Value, id: &str, name: &str) -> String {
    match item.get(name).and_then(Value::as_str) {
        Some(name) => format!("{} ({name})", text(item, id)),
        None => text(item, id),
    }
}

/// A list's texts with spaces between them.
pub fn words(item: &Value, member: &str) -> String {
    let items = item.get(member).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
}

fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{Gone, Written};
    use super::*;

    const COLUMNS: &[Column] = &[
        Column { head: "ID", cell: |item| text(item, "id") },
        Column { head: "NAME", cell: |item| text(item, "name") },
        Column { head: "SCOPES", cell: |item| words(item, "scopes") },
    ];

    #[test]
    fn a_table_is_aligned_and_what_it_holds_moves_no_cursor() {
        let out = Written::default();
        let items = [
            json!({"id": "1", "name": "Ünïcode", "scopes": ["mcp:a", "mcp:b"]}),
            json!({"id": "22", "name": "\u{1b}[2J\u{7}x", "scopes": []}),
            json!({"id": "4", "name": "a\nb\u{202e}c\u{2028}"}),
            json!({"id": "3", "name": null}),
        ];
        Output::to(out.clone(), std::io::sink()).table(COLUMNS, &items).unwrap();
        let expected = "ID  NAME     SCOPES\n1   Ünïcode  mcp:a mcp:b\n22  \u{fffd}[2J\u{fffd}x\n4   a\u{fffd}b\u{fffd}c\u{fffd}\n3   -\n";
        assert_eq!(out.text(), expected);
    }

    #[test]
    fn a_reader_that_has_gone_ends_a_stream_and_nothing_else() {
        let (mut output, item) = (Output::to(Gone, std::io::sink()), json!({"id": "1"}));
        output.line("text").unwrap();
        output.text("text\n").unwrap();
        output.document("text\n").unwrap();
        output.json(&item).unwrap();
        output.table(COLUMNS, std::slice::from_ref(&item)).unwrap();
        output.card(COLUMNS, &item).unwrap();
        for ended in [output.exact_line("text"), output.json_line(&item)] {
            assert!(
                matches!(&ended, Err(CliError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe)
            );
        }
    }
}
