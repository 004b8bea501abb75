//! Comments in a silent event stream, so that no balancer on the way to the client takes it for dead.
//!
//! A comment is no event and changes no `Last-Event-ID` (HTML, "Server-sent events", §9.2.6): both eras of MCP take it
//! for nothing. It comes between two events, and never within one.

use bytes::Bytes;

/// An empty comment, and the end of no event.
pub const COMMENT: Bytes = Bytes::from_static(b":\n\n");

/// Where in an event stream the last byte was.
#[derive(Default)]
pub struct Place {
    /// The last bytes, the newest last; zeroes before the first.
    tail: [u8; 4],
}

impl Place {
    /// More of the stream has passed.
    pub fn saw(&mut self, bytes: &[u8]) {
        let kept = &bytes[bytes.len().saturating_sub(self.tail.len())..];
        self.tail.rotate_left(kept.len());
        let from = self.tail.len() - kept.len();
        self.tail[from..].copy_from_slice(kept);
    }

    /// Something has passed.
    pub fn has_begun(&self) -> bool {
        self.tail != [0; 4]
    }

    /// Nothing of an event has passed that is not over. Rather no than a wrong yes: line ends of two kinds, mixed, are
    /// not looked through.
    pub fn is_between_events(&self) -> bool {
        match &self.tail {
            [0, 0, 0, 0] | [_, _, b'\n', b'\n'] | [_, _, b'\r', b'\r'] => true,
            tail => tail == b"\r\n\r\n",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_between_events_at_its_start_and_after_an_empty_line() {
        let after = |pieces: &[&str]| {
            let mut place = Place::default();
            pieces.iter().for_each(|piece| place.saw(piece.as_bytes()));
            place.is_between_events()
        };
        for between in [
            &[][..],
            &[""],
            &["data: 1\n\n"],
            &["data: 1\r\n\r\n"],
            &["data: 1\r\r"],
            &["data: 1\n", "\n"],
            &["data: 1\r", "\n", "\r", "\n"],
            &["data: 1\n\n", ":\n\n"],
        ] {
            assert!(after(between), "{between:?}");
        }
        for within in [
            &["d"][..],
            &["data: 1"],
            &["data: 1\n"],
            &["data: 1\r\n"],
            &["data: 1\r\n", "\r"],
            &["data: 1\n\n", "data: 2\n"],
            &["data: 1\n\n", "id: 7\n"],
            &["event: message\ndata: 1\n"],
        ] {
            assert!(!after(within), "{within:?}");
        }
    }
}
