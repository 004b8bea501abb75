//! Everything that the command line says, in one place: tables for people, JSON for programs.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;

use super::error::CliError;

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

    #[cfg(test)]
    pub fn to(out: impl Write + 'static, err: impl Write + 'static) -> Self {
        Self { out: Box::new(out), err: Box::new(err) }
    }

    pub fn line(&mut self, text: impl AsRef<str>) -> Result<(), CliError> {
        writeln!(self.out, "{}", printable(text.as_ref()))?;
        Ok(())
    }

    /// A text of ours with its own line feeds, byte for byte.
    pub fn text(&mut self, text: &str) -> Result<(), CliError> {
        self.out.write_all(text.as_bytes())?;
        Ok(())
    }

    /// As it is, for programs, at once.
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
        self.out.write_all(text.as_bytes())?;
        Ok(())
    }

    /// JSON for people and programs.
    pub fn json(&mut self, value: &impl Serialize) -> Result<(), CliError> {
        serde_json::to_writer_pretty(&mut self.out, value).map_err(io::Error::from)?;
        writeln!(self.out)?;
        Ok(())
    }

    /// One JSON value a line, at once.
    pub fn json_line(&mut self, value: &impl Serialize) -> Result<(), CliError> {
        serde_json::to_writer(&mut self.out, value).map_err(io::Error::from)?;
        writeln!(self.out)?;
        self.out.flush()?;
        Ok(())
    }

    pub fn table(&mut self, columns: &[Column], items: &[Value]) -> Result<(), CliError> {
        let rows: Vec<Vec<String>> =
            std::iter::once(columns.iter().map(|column| column.head.to_owned()).collect())
                .chain(
                    items
                        .iter()
                        .map(|item| columns.iter().map(|column| printable(&(column.cell)(item))).collect()),
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
            writeln!(self.out, "{}", line.trim_end())?;
        }
        Ok(())
    }

    /// One thing: a line for each of its columns.
    pub fn card(&mut self, columns: &[Column], item: &Value) -> Result<(), CliError> {
        let widest = columns.iter().map(|column| width(column.head)).max().unwrap_or(0);
        for column in columns {
            let head = format!("{}{}", column.head, " ".repeat(widest - width(column.head)));
            writeln!(self.out, "{head}  {}", printable(&(column.cell)(item)))?;
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

/// A list's texts with spaces between them.
pub fn words(item: &Value, member: &str) -> String {
    let items = item.get(member).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// What came from elsewhere moves no cursor and rings no bell.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::Written;
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
            json!({"id": "3", "name": null}),
        ];
        Output::to(out.clone(), std::io::sink()).table(COLUMNS, &items).unwrap();
        let expected = "ID  NAME     SCOPES\n1   Ünïcode  mcp:a mcp:b\n22  \u{fffd}[2J\u{fffd}x\n3   -\n";
        assert_eq!(out.text(), expected);
    }
}
