//! JSON lines: `{"position", "subject", "event"}`, the event byte for byte as it is stored. A payload that is no JSON value
//! of one line, which Keyledger writes none of, stands in `payload`, in base64. What nobody obeys has `unreadable`, which says why.

use std::borrow::Cow;
use std::io::{BufRead, BufReader, Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use events::{LogId, Position, Shard};
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{ContentError, Held, leaf};

/// NATS holds no message of half the size, by a setting of ours; in bytes.
const LONGEST_LINE: u64 = 4 * 1024 * 1024;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    position: Position,
    #[serde(borrow)]
    subject: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    event: Option<&'a RawValue>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payload: Option<String>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    unreadable: Option<Cow<'a, str>>,
}

pub struct Writer {
    log: LogId,
    out: Out,
}

enum Out {
    Plain(Vec<u8>),
    Gzip(Box<GzEncoder<Vec<u8>>>),
}

impl Writer {
    pub fn new(log: LogId, gzip: bool) -> Self {
        let plain = Vec::new();
        let out = if gzip {
            Out::Gzip(Box::new(GzEncoder::new(plain, Compression::default())))
        } else {
            Out::Plain(plain)
        };
        Self { log, out }
    }

    pub fn push(
        &mut self,
        sequence: u64,
        subject: &str,
        payload: &Bytes,
        problem: Option<&str>,
    ) -> Result<(), ContentError> {
        let line = line(self.log, sequence, subject, payload, problem)?;
        match &mut self.out {
            Out::Plain(out) => out.extend_from_slice(&line),
            Out::Gzip(out) => out.write_all(&line)?,
        }
        Ok(())
    }

    pub fn finish(self) -> Result<Vec<u8>, ContentError> {
        match self.out {
            Out::Plain(out) => Ok(out),
            Out::Gzip(out) => Ok(out.finish()?),
        }
    }
}

/// With its line feed.
fn line(
    log: LogId,
    sequence: u64,
    subject: &str,
    payload: &[u8],
    problem: Option<&str>,
) -> Result<Vec<u8>, serde_json::Error> {
    let text = std::str::from_utf8(payload).ok().filter(|text| !text.contains(['\n', '\r']));
    let event = text.and_then(|text| serde_json::from_str::<&RawValue>(text).ok());
    // Spaces around a value are no part of it.
    let event = event.filter(|event| event.get().len() == payload.len());
    let mut line = serde_json::to_vec(&Line {
        position: Position { log, shard: Shard::ZERO, sequence },
        subject: Cow::Borrowed(subject),
        event,
        payload: event.is_none().then(|| STANDARD.encode(payload)),
        unreadable: problem.map(Cow::Borrowed),
    })?;
    line.push(b'\n');
    Ok(line)
}

pub fn read(
    file: impl Read,
    gzip: bool,
    log: LogId,
    first: u64,
    tell: &mut dyn FnMut(Held),
) -> Result<(), ContentError> {
    if gzip { lines(MultiGzDecoder::new(file), log, first, tell) } else { lines(file, log, first, tell) }
}

fn lines(file: impl Read, log: LogId, first: u64, tell: &mut dyn FnMut(Held)) -> Result<(), ContentError> {
    let mut file = BufReader::new(file);
    let mut text = Vec::new();
    for number in 0.. {
        text.clear();
        (&mut file).take(LONGEST_LINE).read_until(b'\n', &mut text)?;
        if text.is_empty() {
            break;
        }
        let wrong = || ContentError::Line(number + 1);
        let held: Line<'_> = serde_json::from_slice(&text).map_err(|_| wrong())?;
        let payload = match (held.event, &held.payload) {
            (Some(event), None) => Cow::Borrowed(event.get().as_bytes()),
            (None, Some(payload)) => Cow::Owned(STANDARD.decode(payload).map_err(|_| wrong())?),
            (None, None) | (Some(_), Some(_)) => return Err(wrong()),
        };
        // One message is written in one way: what is not of it can't hide in a line.
        if line(log, first + number, &held.subject, &payload, held.unreadable.as_deref())? != text {
            return Err(wrong());
        }
        tell(Held { leaf: leaf(&held.subject, &payload), is_marked: held.unreadable.is_some() });
    }
    Ok(())
}
