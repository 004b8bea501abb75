//! What is in a file: the messages of a range, whole. All that stands in it follows from their subjects and payloads, so
//! that a proof of those is a proof of the file; reading compares the rest. One thing does not: why nobody obeys a message
//! (`unreadable`), which rests on what came before it. That is the word of who wrote the file, and is counted as such.

use bytes::Bytes;
use events::LogId;
use events::tlog::Hash;

use crate::config::{Compression, ExportFormat};

mod lines;
pub mod table;

/// How a file is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content {
    Lines { gzip: bool },
    Parquet,
}

/// It can't be written, or is not what an export writes.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    #[error("it can't be read: {0}")]
    Read(#[from] std::io::Error),
    #[error("line {0} is not as an export writes it")]
    Line(u64),
    #[error("row {0} is not as an export writes it")]
    Row(u64),
    #[error(
        "it holds statistics or an index, by which readers skip rows and which nothing proves: ours has none"
    )]
    Index,
    #[error("Parquet: the file is damaged")]
    Damaged,
    #[error("Parquet: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// Writes a file into memory.
pub enum Writer {
    Lines(lines::Writer),
    Parquet(Box<table::Writer<Vec<u8>>>),
}

/// A message of a file that is read.
pub struct Held {
    pub leaf: Hash,
    /// The file says that nobody obeys it, and why.
    pub is_marked: bool,
}

impl Content {
    pub fn of(format: ExportFormat, compression: Compression) -> Self {
        match format {
            ExportFormat::Jsonl => Self::Lines { gzip: compression == Compression::Gzip },
            ExportFormat::Parquet => Self::Parquet,
        }
    }

    pub fn extension(self) -> &'static str {
        match self {
            Self::Lines { gzip: false } => "jsonl",
            Self::Lines { gzip: true } => "jsonl.gz",
            Self::Parquet => "parquet",
        }
    }

    /// By the end of a file's name.
    pub fn of_name(name: &str) -> Option<Self> {
        let all = [Self::Lines { gzip: false }, Self::Lines { gzip: true }, Self::Parquet];
        all.into_iter().find(|content| name.ends_with(&format!(".{}", content.extension())))
    }

    pub fn writer(self, log: LogId) -> Result<Writer, ContentError> {
        Ok(match self {
            Self::Lines { gzip } => Writer::Lines(lines::Writer::new(log, gzip)),
            Self::Parquet => Writer::Parquet(Box::new(table::Writer::new(log, Vec::new())?)),
        })
    }
}

impl Writer {
    /// `problem`: why nobody obeys it.
    pub fn push(
        &mut self,
        sequence: u64,
        subject: &str,
        payload: &Bytes,
        problem: Option<&str>,
    ) -> Result<(), ContentError> {
        match self {
            Self::Lines(lines) => lines.push(sequence, subject, payload, problem),
            Self::Parquet(table) => table.push(sequence, subject, payload, problem),
        }
    }

    pub fn finish(self) -> Result<Vec<u8>, ContentError> {
        match self {
            Self::Lines(lines) => lines.finish(),
            Self::Parquet(table) => table.finish(),
        }
    }
}

/// Reads a file whose first message is of this sequence, and tells each message.
pub fn read(
    file: Bytes,
    content: Content,
    log: LogId,
    first: u64,
    tell: &mut dyn FnMut(Held),
) -> Result<(), ContentError> {
    match content {
        Content::Lines { gzip } => lines::read(&*file, gzip, log, first, tell),
        Content::Parquet => table::read(file, log, first, tell),
    }
}

/// The same of a file on disk, which is read piece by piece.
pub fn read_file(
    file: std::fs::File,
    content: Content,
    log: LogId,
    first: u64,
    tell: &mut dyn FnMut(Held),
) -> Result<(), ContentError> {
    match content {
        Content::Lines { gzip } => lines::read(file, gzip, log, first, tell),
        Content::Parquet => table::read(file, log, first, tell),
    }
}

/// A message's leaf.
fn leaf(subject: &str, payload: &[u8]) -> Hash {
    Hash::leaf(&[subject.as_bytes(), b"\n", payload].concat())
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
