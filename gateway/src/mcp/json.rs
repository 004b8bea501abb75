//! A JSON text that is read value by value, so that it is known where each stands: serde_json reads them, one after the
//! other, and no byte twice. What is skipped is skipped without recursion, however deep it is.

use std::borrow::Cow;

use serde::Deserialize;

use super::message::Text;

/// A place in the text.
pub struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

/// The text is no JSON (RFC 8259), or none of the shape that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no JSON that can be read")]
pub struct NotJson;

impl<'a> Cursor<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// In bytes.
    pub fn at(&self) -> usize {
        self.at
    }

    /// The next byte that is no white space; the place is then before it.
    pub fn peek(&mut self) -> Option<u8> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        self.at += rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
        self.text.as_bytes().get(self.at).copied()
    }

    /// Reads one value.
    pub fn value<T: Deserialize<'a>>(&mut self) -> Result<T, NotJson> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let mut values = serde_json::Deserializer::from_str(rest).into_iter();
        let value = values.next().and_then(Result::ok).ok_or(NotJson)?;
        self.at += values.byte_offset();
        Ok(value)
    }

    /// Reads an object: `member` reads the value of each key.
    pub fn object<E: From<NotJson>>(
        &mut self,
        mut member: impl FnMut(&mut Self, Cow<'a, str>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.must_take(b'{')?;
        if self.takes(b'}') {
            return Ok(());
        }
        loop {
            let Text(key) = self.value()?;
            self.must_take(b':')?;
            self.peek();
            member(self, key)?;
            if self.takes(b'}') {
                return Ok(());
            }
            self.must_take(b',')?;
        }
    }

    /// Reads an array: `item` reads each of its values.
    pub fn array<E: From<NotJson>>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        self.must_take(b'[')?;
        if self.takes(b']') {
            return Ok(());
        }
        loop {
            self.peek();
            item(self)?;
            if self.takes(b']') {
                return Ok(());
            }
            self.must_take(b',')?;
        }
    }

    /// Nothing is left.
    pub fn end(&mut self) -> Result<(), NotJson> {
        if self.peek().is_none() { Ok(()) } else { Err(NotJson) }
    }

    fn takes(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn must_take(&mut self, byte: u8) -> Result<(), NotJson> {
        if self.takes(byte) { Ok(()) } else { Err(NotJson) }
    }
}
