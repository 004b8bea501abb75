//! What `events replay --format jsonl` wrote, read back: a message a line.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use events::log::Stored;
use events::{LogId, Position, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::cli::error::CliError;

/// Of no message is a line longer, in bytes.
const LONGEST: u64 = 64 * 1024 * 1024;
/// What is often meant.
const OTHERS: &str = "A file that an export of the configuration (`[exports]`) wrote has its proof beside it: `keyledger audit \
                      verify FILE --keys KEYS` checks it";
/// Messages at once.
const AT_ONCE: usize = 1_000;

pub struct Export {
    path: PathBuf,
    file: BufReader<File>,
    log: LogId,
    /// Lines that were read.
    lines: u64,
}

#[derive(Deserialize)]
struct Line<'a> {
    position: Position,
    stored_at: Timestamp,
    subject: String,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
    payload: Option<String>,
}

impl Export {
    /// Of the log of this id.
    pub fn open(path: &Path, log: LogId) -> Result<Self, CliError> {
        let unread = |problem: String| CliError::Usage(format!("{}: {problem}", path.display()));
        if path.is_dir() {
            return Err(unread(format!(
                "it is a folder, not a file of `events replay --format jsonl`. {OTHERS}"
            )));
        }
        let file = File::open(path).map_err(|error| unread(error.to_string()))?;
        Ok(Self { path: path.to_owned(), file: BufReader::new(file), log, lines: 0 })
    }

    pub fn next(&mut self) -> Result<Vec<Stored>, CliError> {
        let mut messages = Vec::new();
        while messages.len() < AT_ONCE {
            let mut line = Vec::new();
            let read = self.file.by_ref().take(LONGEST).read_until(b'\n', &mut line);
            read.map_err(|error| CliError::Usage(format!("{}: {error}", self.path.display())))?;
            if line.is_empty() {
                break;
            }
            self.lines += 1;
            messages.push(self.message(&line)?);
        }
        Ok(messages)
    }

    fn message(&self, line: &[u8]) -> Result<Stored, CliError> {
        let wrong = |problem: &str| {
            CliError::Refused(format!("{}, line {}: {problem}", self.path.display(), self.lines))
        };
        let Line { position, stored_at, subject, event, payload } =
            serde_json::from_slice(line).map_err(|error| {
                wrong(&format!("no line of `events replay --format jsonl`: {error}. {OTHERS}"))
            })?;
        if position.log != self.log {
            return Err(wrong(&format!("{position} is of another log than the keys, which is {}", self.log)));
        }
        let payload = match (payload, event) {
            (Some(payload), _) => {
                STANDARD.decode(payload).map_err(|_| wrong("its `payload` is no base64"))?.into()
            }
            (None, Some(event)) => Bytes::copy_from_slice(event.get().as_bytes()),
            (None, None) => return Err(wrong("the message itself is not in it")),
        };
        Ok(Stored { sequence: position.sequence, subject, stored_at, payload })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_export_of_the_configuration_wrote_is_told_with_what_checks_it() {
        let folder = tempfile::tempdir().unwrap();
        let log = "0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b".parse().unwrap();
        let file = folder.path().join("1-2.jsonl");
        // As exports write it: no `stored_at`.
        std::fs::write(&file, "{\"sequence\":1,\"subject\":\"kl.events.0.x\",\"event\":{}}\n").unwrap();
        let line = Export::open(&file, log).unwrap().next().unwrap_err();
        let whole = Export::open(folder.path(), log).err().unwrap();
        for told in [line.to_string(), whole.to_string()] {
            assert!(told.contains("`keyledger audit verify FILE"), "{told}");
        }
    }
}
