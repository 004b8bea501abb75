//! What a client that waits for a message has got of it. An event stream is looked through as it goes down, until the
//! first message alone, and no message is parsed: it is a line of data that begins as one (HTML Living Standard §9.2.6).
//! Comments, events without data and data in words are none.

use super::media::{self, Form};
use super::unfit;
use crate::mcp::Era;

/// Why an event stream that has gone down whole was no answer.
const NO_MESSAGE: &str = "its event stream ended without a message in it";

pub struct Owed {
    form: Form,
    /// Nothing has come by which one knows whether it is what it is said to be.
    unbegun: bool,
    /// A message must come, and none has gone down.
    message: bool,
    /// An event with an id has gone down: before 2026-07-28 the client comes back for the rest when its stream ends
    /// (2025-11-25, "Sending Messages to the Server").
    resumes: bool,
    era: Era,
    line: Line,
}

/// Where in a line of an event stream the last byte was.
#[derive(Clone, Copy)]
enum Line {
    /// In its field's name, of which so much has come; longer ones are nobody's.
    Name([u8; 4], usize),
    /// After the name, and at most blanks.
    Data,
    Id,
    /// Nothing of it matters any more.
    Rest,
}

const START: Line = Line::Name([0; 4], 0);

impl Owed {
    /// `unbegun`: how it begins is to be judged yet. `message`: it answers a request.
    pub fn new(form: Form, era: Era, unbegun: bool, message: bool) -> Self {
        Self { form, unbegun, message, resumes: false, era, line: START }
    }

    pub fn form(&self) -> Form {
        self.form
    }

    /// Whether what comes is what it is said to be, by its first byte; what tells why not.
    pub fn begin(&mut self, data: &[u8]) -> Result<(), String> {
        if !self.unbegun {
            return Ok(());
        }
        let Some(byte) = media::begins_with(data) else { return Ok(()) };
        self.unbegun = false;
        if self.form.may_begin_with(byte) { Ok(()) } else { Err(unfit::mislabelled(self.form, byte)) }
    }

    /// So much goes down.
    pub fn passes(&mut self, data: &[u8]) {
        match self.form {
            Form::Document => self.message &= self.unbegun || data.is_empty(),
            Form::Events => {
                let mut bytes = data.iter();
                while self.message
                    && let Some(byte) = bytes.next()
                {
                    self.read(*byte);
                }
            }
        }
    }

    fn read(&mut self, byte: u8) {
        self.line = match (self.line, byte) {
            (_, b'\n' | b'\r') => START,
            // A byte order mark, before the first line.
            (Line::Name(_, 0), 0xef | 0xbb | 0xbf) => return,
            (Line::Name(name, length), b':') => match &name[..length] {
                b"data" => Line::Data,
                b"id" => Line::Id,
                _ => Line::Rest,
            },
            (Line::Name(mut name, length), byte) => match name.get_mut(length) {
                Some(place) => {
                    *place = byte;
                    Line::Name(name, length + 1)
                }
                None => Line::Rest,
            },
            (Line::Data | Line::Id, b' ' | b'\t') => return,
            (Line::Data, byte) => {
                self.message = !Form::Document.may_begin_with(byte);
                Line::Rest
            }
            (Line::Id, _) => {
                self.resumes = true;
                Line::Rest
            }
            (Line::Rest, _) => return,
        };
    }

    /// Whether its client still waits.
    pub fn is_owed(&self) -> bool {
        self.message
    }

    /// All has gone down: why that was no answer.
    pub fn unanswered(&self) -> Option<&'static str> {
        let comes_back = self.resumes
            && match self.era {
                Era::Sessions => true,
                Era::Stateless => false,
            };
        (self.message && !comes_back).then_some(match self.form {
            Form::Document => unfit::EMPTY,
            Form::Events => NO_MESSAGE,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(form: Form, era: Era, pieces: &[&str]) -> (bool, bool) {
        let mut owed = Owed::new(form, era, true, true);
        for piece in pieces {
            owed.begin(piece.as_bytes()).unwrap();
            owed.passes(piece.as_bytes());
        }
        (owed.is_owed(), owed.unanswered().is_some())
    }

    #[test]
    fn a_message_in_an_event_stream_is_data_that_begins_as_one() {
        for answered in [
            &["data: {\"id\":1}\n\n"][..],
            &["\u{feff}data:[{}]\r\n\r\n"],
            &[": hi\n\nevent: message\nid: 1\nda", "ta", ":", " ", "{"],
            &["data: ping\n\n", "data:\rdata: {"],
        ] {
            assert_eq!(after(Form::Events, Era::Sessions, answered), (false, false), "{answered:?}");
        }
        for owed in [
            &[][..],
            &[": hi\n\n", ":{\n\n"],
            &["data: ping\n\n", "data\n\n", "data: \n{\n"],
            &["event: {\n", "dataset: {\n", "xdata: {\n", "id:\n\n"],
        ] {
            assert_eq!(after(Form::Events, Era::Sessions, owed), (true, true), "{owed:?}");
        }
    }

    #[test]
    fn a_stream_that_its_client_comes_back_to_may_end_without_one() {
        let primed = &["id: 1\nretry: 500\ndata: \n\n"];
        assert_eq!(after(Form::Events, Era::Sessions, primed), (true, false));
        assert_eq!(after(Form::Events, Era::Stateless, primed), (true, true));
    }

    #[test]
    fn of_a_document_all_but_blanks_is_its_message() {
        assert_eq!(after(Form::Document, Era::Sessions, &[" ", "\n"]), (true, true));
        assert_eq!(after(Form::Document, Era::Sessions, &[" ", "{"]), (false, false));
        assert!(Owed::new(Form::Document, Era::Sessions, true, true).begin(b"<").is_err());
    }
}
