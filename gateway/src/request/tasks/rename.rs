//! An upstream's answer on its way down, with the ids of tasks as the client is given them.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame};

use super::Naming;
use crate::mcp::task;
use crate::upstream::{UpstreamBody, UpstreamError};

/// A message about a task is at most this long, in bytes. What is longer passes as it is: its ids are then the
/// upstream's, which open nothing.
const MAX_HELD: usize = 256 * 1_024;

/// The same answer under other names. `events`: it is an event stream, whose lines pass as they come.
pub fn rename(inner: UpstreamBody, naming: Naming, events: bool) -> UpstreamBody {
    UpstreamBody::made(Renamed { inner, naming, events, held: Vec::new(), passes: false, done: false })
}

struct Renamed {
    inner: UpstreamBody,
    naming: Naming,
    events: bool,
    /// What came and is no whole line, or no whole document, yet.
    held: Vec<u8>,
    /// The document is too long: what comes passes.
    passes: bool,
    done: bool,
}

impl Renamed {
    fn take(&mut self, data: Bytes) -> Option<Bytes> {
        if self.passes {
            return Some(data);
        }
        self.held.extend_from_slice(&data);
        let lines = match self.held.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')) {
            Some(end) if self.events => {
                let rest = self.held.split_off(end + 1);
                std::mem::replace(&mut self.held, rest)
            }
            Some(_) | None => Vec::new(),
        };
        let mut passing = self.lines(&lines);
        if self.held.len() > MAX_HELD {
            self.passes = !self.events;
            passing.append(&mut self.held);
        }
        (!passing.is_empty()).then(|| passing.into())
    }

    fn lines(&self, lines: &[u8]) -> Vec<u8> {
        let mut passing = Vec::with_capacity(lines.len());
        for line in lines.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            match self.line(line) {
                Some(renamed) => passing.extend_from_slice(&renamed),
                None => passing.extend_from_slice(line),
            }
        }
        passing
    }

    /// A line of an event's data, if it is a message that names tasks (HTML Living Standard §9.2.6).
    fn line(&self, line: &[u8]) -> Option<Vec<u8>> {
        let data = line.strip_prefix(b"data:")?;
        let message = std::str::from_utf8(data).ok()?;
        let end = message.trim_end_matches(['\n', '\r']).len();
        let (message, line_end) = message.split_at_checked(end)?;
        let renamed = self.document(message)?;
        Some(["data:", &renamed, line_end].concat().into_bytes())
    }

    fn document(&self, message: &str) -> Option<String> {
        task::renamed(message, |id| self.naming.give(id))
    }

    fn rest(&mut self) -> Vec<u8> {
        let held = std::mem::take(&mut self.held);
        let renamed = std::str::from_utf8(&held).ok().filter(|_| !self.events);
        renamed.and_then(|message| self.document(message)).map_or(held, String::into_bytes)
    }
}

impl Body for Renamed {
    type Data = Bytes;
    type Error = UpstreamError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UpstreamError>>> {
        let this = self.get_mut();
        while !this.done {
            match ready!(Pin::new(&mut this.inner).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else { continue };
                    if let Some(passing) = this.take(data) {
                        return Poll::Ready(Some(Ok(Frame::data(passing))));
                    }
                }
                Some(Err(error)) => {
                    this.done = true;
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    this.done = true;
                    let rest = this.rest();
                    if !rest.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::data(rest.into()))));
                    }
                }
            }
        }
        Poll::Ready(None)
    }
}
