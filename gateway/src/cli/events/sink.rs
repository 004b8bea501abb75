//! Where messages are written: lines, one after another, or a table, which is whole at its end.

use std::fs::File;
use std::path::Path;

use events::LogId;

use super::line::{self, Format};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::exports::content::{ContentError, table};
use crate::record::Record;

pub enum Sink<'a> {
    Text(Format, &'a mut Output),
    Table(Box<table::Writer<File>>, &'a mut Output),
}

impl<'a> Sink<'a> {
    pub fn text(format: Format, output: &'a mut Output) -> Result<Self, CliError> {
        if format == Format::Parquet {
            return Err(line::no_text());
        }
        line::begin(format, output)?;
        Ok(Self::Text(format, output))
    }

    pub fn table(log: LogId, file: &Path, output: &'a mut Output) -> Result<Self, CliError> {
        let file = File::create(file).map_err(CliError::Output)?;
        Ok(Self::Table(Box::new(table::Writer::new(log, file).map_err(unwritten)?), output))
    }

    pub fn write(&mut self, record: &Record<'_>) -> Result<(), CliError> {
        match self {
            Self::Text(format, output) => line::write(*format, record, output),
            // As in an export: what somebody else put there has a row, and columns without values.
            Self::Table(table, _) => {
                let stored = record.stored;
                let problem = record.problem();
                table
                    .push(stored.sequence, &stored.subject, &stored.payload, problem.as_deref())
                    .map_err(unwritten)
            }
        }
    }

    pub fn end(self) -> Result<(), CliError> {
        match self {
            Self::Text(..) => Ok(()),
            Self::Table(table, output) => {
                let file = table.finish().map_err(unwritten)?;
                file.sync_all().map_err(CliError::Output)?;
                output.note("the table is whole");
                Ok(())
            }
        }
    }
}

fn unwritten(error: ContentError) -> CliError {
    match error {
        ContentError::Read(error) => CliError::Output(error),
        error @ (ContentError::Line(_)
        | ContentError::Row(_)
        | ContentError::Index
        | ContentError::Damaged
        | ContentError::Parquet(_)
        | ContentError::Json(_)) => CliError::Unavailable(error.to_string()),
    }
}
