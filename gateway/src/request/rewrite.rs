//! An upstream's answer on its way down, with other ids for its tasks, or with such entries of its lists as the caller
//! may see. It is read message by message: a document, or the data of an event (HTML Living Standard §9.2.6), which
//! passes once it is whole. What is not changed passes as it is, byte by byte, and so does what is no message; of the
//! answer to who is shown some of a list alone it does not.

use std::borrow::Cow;

use bytes::Bytes;
use events::ScopeSet;
use events::slug::Slug;

use super::lists::Lists;
use super::tasks::Naming;
use crate::mcp::list::{self, ListFault};
use crate::mcp::task;

#[cfg(test)]
mod tests;

/// What becomes of messages.
pub enum Rewrite {
    /// A message that is too long passes as it is: its ids are then the upstream's, which open nothing.
    Tasks(Box<Naming>),
    /// A message that is too long is a fault.
    Lists(Lists),
}

/// Who is shown it, and of which server.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub scopes: &'a ScopeSet,
    pub server: &'a Slug,
}

/// A body that is rewritten as it comes.
pub struct Rewriter {
    rewrite: Rewrite,
    /// `None`: it is one document.
    events: Option<Events>,
    /// What came and is no whole message yet.
    held: Vec<u8>,
    /// The message that comes is too long: it passes.
    passes: bool,
}

/// Where events end in a stream.
struct Events {
    line_is_empty: bool,
    after_cr: bool,
    /// No event has ended yet: before the first there may be a byte order mark.
    at_start: bool,
}

/// A message about a task is at most this long, in bytes.
const MAX_TASK: usize = 256 * 1_024;
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

impl Rewrite {
    fn most(&self) -> usize {
        match self {
            Self::Tasks(_) => MAX_TASK,
            Self::Lists(_) => list::MAX_BYTES,
        }
    }

    fn hides_beside(&self, View { scopes, server }: View<'_>) -> bool {
        match self {
            Self::Tasks(_) => false,
            Self::Lists(lists) => lists.hides_beside(scopes, server),
        }
    }

    fn message(&self, message: &[u8], view: View<'_>) -> Result<Option<String>, ListFault> {
        match self {
            Self::Tasks(naming) => {
                let message = std::str::from_utf8(message).ok();
                Ok(message.and_then(|message| task::renamed(message, |id| naming.give(id))))
            }
            Self::Lists(lists) => lists.show(message, view.scopes, view.server),
        }
    }
}

impl Rewriter {
    /// `events`: the body is an event stream.
    pub fn new(rewrite: Rewrite, events: bool) -> Self {
        let events = events.then_some(Events { line_is_empty: true, after_cr: false, at_start: true });
        Self { rewrite, events, held: Vec::new(), passes: false }
    }

    /// Of whom a fault is told, if it is told.
    pub fn lists(&self) -> Option<&Lists> {
        match &self.rewrite {
            Rewrite::Lists(lists) => Some(lists),
            Rewrite::Tasks(_) => None,
        }
    }

    /// More has come: what passes of it and of what was held.
    pub fn take(&mut self, data: &[u8], view: View<'_>) -> Result<Bytes, ListFault> {
        let mut out = Vec::new();
        let mut rest = data;
        while !rest.is_empty() {
            let between = self.held.is_empty() && !self.passes;
            let (length, ends) = match &mut self.events {
                Some(events) => events.next(rest, between),
                None => (rest.len(), false),
            };
            let (piece, after) = rest.split_at(length);
            rest = after;
            if self.passes {
                out.extend_from_slice(piece);
                self.passes = !ends;
                continue;
            }
            self.held.extend_from_slice(piece);
            if self.held.len() > self.rewrite.most() {
                match self.rewrite {
                    Rewrite::Lists(_) => return Err(ListFault::TooLong),
                    Rewrite::Tasks(_) => out.append(&mut self.held),
                }
                self.passes = !ends;
            } else if ends {
                self.event(&mut out, view)?;
            }
        }
        Ok(out.into())
    }

    /// The body has ended.
    pub fn rest(&mut self, view: View<'_>) -> Result<Bytes, ListFault> {
        let mut out = Vec::new();
        if self.events.is_some() {
            // No event, since no empty line ended it; some clients take it for one.
            self.event(&mut out, view)?;
        } else {
            let held = std::mem::take(&mut self.held);
            out = self.rewrite.message(&held, view)?.map_or(held, String::into_bytes);
        }
        Ok(out.into())
    }

    /// The event that is held goes out.
    fn event(&mut self, out: &mut Vec<u8>, view: View<'_>) -> Result<(), ListFault> {
        let mut event = self.held.as_slice();
        if let Some(events) = &mut self.events
            && std::mem::take(&mut events.at_start)
        {
            event = event.strip_prefix(BYTE_ORDER_MARK).unwrap_or(event);
        }
        let data = data(event);
        let hides = self.rewrite.hides_beside(view);
        // Neither an empty event, by which a stream may begin, nor a line of a server's own is a message.
        let begins = data.iter().find(|byte| !byte.is_ascii_whitespace());
        let rewritten = match begins {
            Some(b'{' | b'[') => self.rewrite.message(&data, view)?,
            // Nobody knows what that names.
            Some(_) if hides => {
                self.held.clear();
                return Ok(());
            }
            Some(_) | None => None,
        };
        match rewritten {
            None if !hides => out.extend_from_slice(event),
            rewritten => write(event, rewritten.as_deref(), hides, out),
        }
        self.held.clear();
        Ok(())
    }
}

impl Events {
    /// How much of the bytes is of this event, and whether it ends there: at the end of an empty line. `between`: no
    /// event has begun.
    fn next(&mut self, bytes: &[u8], between: bool) -> (usize, bool) {
        // The second half of the last one's line end waits for nothing.
        if between && self.after_cr && bytes.first() == Some(&b'\n') {
            self.after_cr = false;
            return (1, true);
        }
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b'\n' if self.after_cr => self.after_cr = false,
                b'\n' | b'\r' => {
                    self.after_cr = *byte == b'\r';
                    if self.line_is_empty {
                        // `\r\n` is one line end, if both are there.
                        let both = self.after_cr && bytes.get(at + 1) == Some(&b'\n');
                        self.after_cr &= !both;
                        return (at + 1 + usize::from(both), true);
                    }
                    self.line_is_empty = true;
                }
                _ => {
                    self.line_is_empty = false;
                    self.after_cr = false;
                }
            }
        }
        (bytes.len(), false)
    }
}

/// The lines of an event, each with its end.
fn lines(event: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = event;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len());
        let (line, after) = rest.split_at(end);
        let length = if after.starts_with(b"\r\n") { 2 } else { after.len().min(1) };
        let (line_end, after) = after.split_at(length);
        rest = after;
        Some((line, line_end))
    })
}

/// What a line adds to the event's data.
fn datum(line: &[u8]) -> Option<&[u8]> {
    match line.strip_prefix(b"data")? {
        [] => Some(&[]),
        [b':', b' ', datum @ ..] | [b':', datum @ ..] => Some(datum),
        _ => None,
    }
}

fn data(event: &[u8]) -> Cow<'_, [u8]> {
    let mut data = lines(event).filter_map(|(line, _)| datum(line));
    let Some(first) = data.next() else { return Cow::Borrowed(&[]) };
    let Some(second) = data.next() else { return Cow::Borrowed(first) };
    let mut all = [first, b"\n", second].concat();
    for more in data {
        all.push(b'\n');
        all.extend_from_slice(more);
    }
    Cow::Owned(all)
}

/// Whether a line is of a field that clients know. A comment's name is empty.
fn is_known(line: &[u8]) -> bool {
    let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
    line.is_empty() || matches!(name, b"data" | b"event" | b"id" | b"retry")
}

/// The event with this for its data, if it has another; each line of JSON is a line of data. `known`: without what
/// clients pass over.
fn write(event: &[u8], message: Option<&str>, known: bool, out: &mut Vec<u8>) {
    let mut written = false;
    for (line, line_end) in lines(event) {
        if known && !is_known(line) {
            continue;
        }
        let Some(message) = message.filter(|_| datum(line).is_some()) else {
            out.extend_from_slice(line);
            out.extend_from_slice(line_end);
            continue;
        };
        if !std::mem::replace(&mut written, true) {
            for piece in message.split('\n') {
                out.extend_from_slice(b"data: ");
                out.extend_from_slice(piece.as_bytes());
                out.extend_from_slice(line_end);
            }
        }
    }
}
