//! One HTTP/1.1 answer as it comes, piece by piece: where it ends, and no more than that.

/// Reads one answer. A next one needs a new reader.
#[derive(Debug, Default)]
pub struct Reader {
    state: State,
    /// What of a head or of a chunk's line came in an earlier piece.
    line: Vec<u8>,
    pub status: u16,
    /// Bytes of the body so far, without framing.
    pub body: u64,
    /// Kept when asked for.
    pub kept: Option<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Head,
    Bytes(u64),
    ChunkSize,
    Chunk(u64),
    /// The line's end after a chunk's bytes.
    ChunkEnd,
    Trailers,
    UntilClose,
    Done,
}

/// What came is no HTTP/1.1 answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed;

impl Reader {
    /// Keeps the body.
    pub fn keeping() -> Self {
        Self { kept: Some(Vec::new()), ..Self::default() }
    }

    /// Takes in the next piece. Whether the answer is whole.
    pub fn take(&mut self, mut piece: &[u8]) -> Result<bool, Malformed> {
        while !piece.is_empty() {
            piece = match self.state {
                State::Head => self.head(piece)?,
                State::Bytes(left) => {
                    let (rest, left) = self.bytes(piece, left);
                    self.state = if left == 0 { State::Done } else { State::Bytes(left) };
                    rest
                }
                State::ChunkSize => self.chunk_size(piece)?,
                State::Chunk(left) => {
                    let (rest, left) = self.bytes(piece, left);
                    self.state = if left == 0 { State::ChunkEnd } else { State::Chunk(left) };
                    rest
                }
                State::ChunkEnd => match self.line(piece) {
                    (Some(_), rest) => {
                        self.state = State::ChunkSize;
                        rest
                    }
                    (None, rest) => rest,
                },
                State::Trailers => match self.line(piece) {
                    (Some(line), rest) => {
                        if line.is_empty() {
                            self.state = State::Done;
                        }
                        rest
                    }
                    (None, rest) => rest,
                },
                State::UntilClose => self.bytes(piece, u64::MAX).0,
                State::Done => return Err(Malformed),
            };
        }
        Ok(self.state == State::Done)
    }

    /// The head is there.
    pub fn has_begun(&self) -> bool {
        self.state != State::Head
    }

    /// The connection has ended. Whether the answer is whole.
    pub fn ended(&self) -> bool {
        matches!(self.state, State::Done | State::UntilClose)
    }

    fn head<'a>(&mut self, piece: &'a [u8]) -> Result<&'a [u8], Malformed> {
        // Nearly always the whole head is in one piece.
        if self.line.is_empty()
            && let Some(end) = end_of_head(piece)
        {
            self.begin(&piece[..end])?;
            return Ok(&piece[end..]);
        }
        let before = self.line.len();
        self.line.extend_from_slice(piece);
        let Some(end) = end_of_head(&self.line) else { return Ok(&[]) };
        let head = std::mem::take(&mut self.line);
        self.begin(&head[..end])?;
        Ok(&piece[end - before..])
    }

    fn begin(&mut self, head: &[u8]) -> Result<(), Malformed> {
        let text = std::str::from_utf8(head).map_err(|_| Malformed)?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok());
        self.status = status.ok_or(Malformed)?;
        self.state = State::UntilClose;
        for line in lines.take_while(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':').ok_or(Malformed)?;
            if name.eq_ignore_ascii_case("content-length") {
                let length = value.trim().parse().map_err(|_| Malformed)?;
                self.state = if length == 0 { State::Done } else { State::Bytes(length) };
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                self.state = State::ChunkSize;
            }
        }
        if matches!(self.status, 204 | 304) {
            self.state = State::Done;
        }
        Ok(())
    }

    fn chunk_size<'a>(&mut self, piece: &'a [u8]) -> Result<&'a [u8], Malformed> {
        let (line, rest) = self.line(piece);
        if let Some(line) = line {
            let text = std::str::from_utf8(&line).map_err(|_| Malformed)?;
            let digits = text.split(';').next().unwrap_or_default().trim();
            let size = u64::from_str_radix(digits, 16).map_err(|_| Malformed)?;
            self.state = if size == 0 { State::Trailers } else { State::Chunk(size) };
        }
        Ok(rest)
    }

    /// A line without its end, once it is whole; and what follows.
    fn line<'a>(&mut self, piece: &'a [u8]) -> (Option<Vec<u8>>, &'a [u8]) {
        let Some(end) = piece.iter().position(|byte| *byte == b'\n') else {
            self.line.extend_from_slice(piece);
            return (None, &[]);
        };
        let mut line = std::mem::take(&mut self.line);
        line.extend_from_slice(&piece[..end]);
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        (Some(line), &piece[end + 1..])
    }

    fn bytes<'a>(&mut self, piece: &'a [u8], left: u64) -> (&'a [u8], u64) {
        let taken = usize::try_from(left).map_or(piece.len(), |left| left.min(piece.len()));
        let (body, rest) = piece.split_at(taken);
        self.body += taken as u64;
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(body);
        }
        (rest, left - taken as u64)
    }
}

fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello";
    const CHUNKED: &[u8] =
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2;x\r\nlo\r\n0\r\n\r\n";

    /// The same however it is cut.
    #[test]
    fn an_answer_ends_where_its_framing_says() {
        for answer in [WHOLE, CHUNKED] {
            for size in 1..=answer.len() {
                let mut reader = Reader::keeping();
                let done: Vec<_> = answer.chunks(size).map(|piece| reader.take(piece).unwrap()).collect();
                let (last, before) = done.split_last().unwrap();
                assert!(*last && before.iter().all(|done| !done), "in pieces of {size}");
                assert_eq!((reader.status, reader.body), (200, 5));
                assert_eq!(reader.kept.unwrap(), b"hello");
            }
        }
    }

    #[test]
    fn no_length_is_until_the_connection_ends() {
        let mut reader = Reader::default();
        assert_eq!(reader.take(b"HTTP/1.1 200 OK\r\n\r\nhel"), Ok(false));
        assert_eq!((reader.take(b"lo"), reader.body, reader.ended()), (Ok(false), 5, true));
        assert!(!Reader::default().ended());
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        assert_eq!(Reader::default().take(b"SSH-2.0-x\r\n\r\n"), Err(Malformed));
        assert_eq!(Reader::default().take(&[WHOLE, b"more"].concat()), Err(Malformed));
    }
}
