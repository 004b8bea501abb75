//! HTTP/1.1 by hand, for tests that must say and see exactly what goes over the wire: duplicate headers,
//! broken framing, the moment at which each part of an answer arrives. Redirects, pools and retries of a
//! client library would hide what is tested.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::poll::within;

/// No single answer of a test takes longer.
const BOUND: Duration = Duration::from_secs(30);

/// One request. `Content-Length` and `Host` are added when it is sent.
#[derive(Clone, Debug)]
pub struct Ask {
    pub method: &'static str,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// One whole answer.
#[derive(Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Headers,
    pub body: Vec<u8>,
}

/// Header lines in the order in which they came, names as they were written.
#[derive(Clone, Debug, Default)]
pub struct Headers(pub Vec<(String, String)>);

/// An answer whose body is still coming.
#[derive(Debug)]
pub struct Open {
    pub status: u16,
    pub headers: Headers,
    body: Body,
    pending: String,
}

/// One message of an event stream (HTML Living Standard §9.2), without comments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    pub id: Option<String>,
    /// `None`: a message like most.
    pub name: Option<String>,
    pub data: String,
}

/// How the bytes of a body are told apart from what follows.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) reader: BufReader<TcpStream>,
    left: Left,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    Bytes(usize),
    Chunks,
    UntilClose,
    Nothing,
}

impl Ask {
    pub fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: Vec::new(), body: Vec::new() }
    }

    pub fn get(path: impl Into<String>) -> Self {
        Self::new("GET", path)
    }

    /// JSON, as MCP's clients and the admin API's send it.
    pub fn post(path: impl Into<String>, body: &Value) -> Self {
        Self::new("POST", path).json(body)
    }

    pub fn json(mut self, body: &Value) -> Self {
        self.body = body.to_string().into_bytes();
        self.header("Content-Type", "application/json")
            .header("Accept", "application/json, text/event-stream")
    }

    /// A body that is sent as it stands, well-formed or not.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The same without a header.
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self
    }

    pub fn bearer(self, key: &str) -> Self {
        self.header("Authorization", format!("Bearer {key}"))
    }

    /// Sends it on a connection of its own and reads the whole answer.
    pub async fn send(&self, to: SocketAddr) -> Answer {
        self.try_send(to).await.unwrap_or_else(|error| panic!("{} {}: {error}", self.method, self.path))
    }

    /// As `send`, for a server that may be down.
    pub async fn try_send(&self, to: SocketAddr) -> std::io::Result<Answer> {
        tokio::time::timeout(BOUND, async { self.try_open(to).await?.whole().await })
            .await
            .unwrap_or_else(|_| Err(std::io::Error::other(format!("no whole answer within {BOUND:?}"))))
    }

    /// Sends it and reads the answer's head only.
    pub async fn open(&self, to: SocketAddr) -> Open {
        within(&format!("{} {}", self.method, self.path), BOUND, self.try_open(to))
            .await
            .unwrap_or_else(|error| panic!("{} {}: {error}", self.method, self.path))
    }

    async fn try_open(&self, to: SocketAddr) -> std::io::Result<Open> {
        let mut stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        // A server may answer and close before it has read all of a body that it refuses.
        let sent = stream.write_all(&self.bytes(to)).await;
        match Open::read(BufReader::new(stream), self.method == "HEAD").await {
            Ok(open) => Ok(open),
            Err(error) => Err(sent.err().unwrap_or(error)),
        }
    }

    fn bytes(&self, to: SocketAddr) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        let has = |name: &str| self.headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
        if !has("host") {
            head += &format!("Host: {to}\r\n");
        }
        if !has("content-length") && !has("transfer-encoding") && self.method != "GET" {
            head += &format!("Content-Length: {}\r\n", self.body.len());
        }
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += "\r\n";
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// Sends bytes as they stand and reads one answer, for requests that no client would write.
pub async fn send_raw(to: SocketAddr, bytes: &[u8]) -> Answer {
    within("the answer to raw bytes", BOUND, async {
        let mut stream = TcpStream::connect(to).await.expect("connects");
        stream.write_all(bytes).await.expect("writes");
        Open::read(BufReader::new(stream), false).await.expect("an answer").whole().await.expect("a body")
    })
    .await
}

impl Headers {
    /// The value of a header that comes at most once.
    pub fn get(&self, name: &str) -> Option<&str> {
        match self.all(name)[..] {
            [] => None,
            [value] => Some(value),
            _ => panic!("{name} comes more than once: {self:?}"),
        }
    }

    pub fn all(&self, name: &str) -> Vec<&str> {
        let named = self.0.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} {}", self.status, self.headers.0, self.text())
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{}: not JSON ({error}): {}", self.status, self.text()))
    }

    /// Asserts the status, and shows the body when it is another.
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// The JSON-RPC message of an MCP answer, whether it came as JSON or as an event stream.
    pub fn message(&self) -> Value {
        if self.header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream")) {
            let text = self.text();
            let messages = text.split("\n\n").filter_map(Frame::parse).filter(|frame| !frame.data.is_empty());
            let last = messages.last().unwrap_or_else(|| panic!("no message in {text:?}"));
            return serde_json::from_str(&last.data).expect("a message is JSON");
        }
        self.json()
    }
}

impl Open {
    async fn read(mut reader: BufReader<TcpStream>, headless: bool) -> std::io::Result<Self> {
        let (first, headers) = read_head(&mut reader).await?;
        let status = first
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .ok_or_else(|| std::io::Error::other(format!("not a status line: {first:?}")))?;
        let mut body = Body::new(reader, &headers, Left::UntilClose);
        if headless || matches!(status, 204 | 304) {
            body.left = Left::Nothing;
        }
        Ok(Self { status, headers, body, pending: String::new() })
    }

    /// The rest of the body.
    pub async fn whole(mut self) -> std::io::Result<Answer> {
        let body = self.body.whole().await?;
        Ok(Answer { status: self.status, headers: self.headers, body })
    }

    /// The next message of the event stream, as soon as it is there; `None` when the stream has ended.
    /// Panics when neither comes within `bound`.
    pub async fn frame(&mut self, bound: Duration) -> Option<Frame> {
        within("the next frame or the end of the stream", bound, async {
            loop {
                if let Some(end) = self.pending.find("\n\n") {
                    let block: String = self.pending.drain(..end + 2).collect();
                    match Frame::parse(&block) {
                        Some(frame) => return Some(frame),
                        None => continue,
                    }
                }
                match self.body.some().await {
                    Ok(Some(bytes)) => self.pending += &String::from_utf8_lossy(&bytes).replace('\r', ""),
                    Ok(None) | Err(_) => return None,
                }
            }
        })
        .await
    }

    /// Reads on until the stream ends, however it does, and gives the frames that came before.
    pub async fn to_end(&mut self, bound: Duration) -> Vec<Frame> {
        let mut frames = Vec::new();
        within("the end of the stream", bound, async {
            while let Some(frame) = self.frame(bound).await {
                frames.push(frame);
            }
        })
        .await;
        frames
    }
}

impl Frame {
    /// `None`: only comments.
    fn parse(block: &str) -> Option<Self> {
        let mut frame = Self::default();
        let mut any = false;
        for line in block.lines() {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match name {
                "id" => frame.id = Some(value.to_owned()),
                "event" => frame.name = Some(value.to_owned()),
                "data" => frame.data += value,
                _ => continue,
            }
            any = true;
        }
        any.then_some(frame)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error}: {:?}", self.data))
    }
}

impl Body {
    /// A request without a length has no body (`otherwise`: Nothing); an answer without one ends with its
    /// connection.
    fn new(reader: BufReader<TcpStream>, headers: &Headers, otherwise: Left) -> Self {
        let chunked =
            headers.get("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
        let length = headers.get("content-length").and_then(|value| value.parse().ok());
        let left = if chunked { Left::Chunks } else { length.map_or(otherwise, Left::Bytes) };
        Self { reader, left }
    }

    pub(crate) fn of_request(reader: BufReader<TcpStream>, headers: &Headers) -> Self {
        Self::new(reader, headers, Left::Nothing)
    }

    pub(crate) async fn whole(&mut self) -> std::io::Result<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(bytes) = self.some().await? {
            all.extend_from_slice(&bytes);
        }
        Ok(all)
    }

    /// What is there next; `None` at the end.
    async fn some(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        match self.left {
            Left::Nothing | Left::Bytes(0) => Ok(None),
            Left::Bytes(left) => {
                let mut bytes = vec![0; left.min(64 * 1024)];
                let read = self.reader.read(&mut bytes).await?;
                if read == 0 {
                    return Err(std::io::Error::other(format!("cut off with {left} bytes to come")));
                }
                bytes.truncate(read);
                self.left = Left::Bytes(left - read);
                Ok(Some(bytes))
            }
            Left::UntilClose => {
                let mut bytes = vec![0; 64 * 1024];
                let read = self.reader.read(&mut bytes).await?;
                bytes.truncate(read);
                Ok((read > 0).then_some(bytes))
            }
            Left::Chunks => self.chunk().await,
        }
    }

    async fn chunk(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        let line = read_line(&mut self.reader).await?;
        let size = usize::from_str_radix(line.split(';').next().unwrap_or_default().trim(), 16)
            .map_err(|_| std::io::Error::other(format!("not a chunk size: {line:?}")))?;
        let mut bytes = vec![0; size];
        self.reader.read_exact(&mut bytes).await?;
        read_line(&mut self.reader).await?;
        if size == 0 {
            self.left = Left::Nothing;
            return Ok(None);
        }
        Ok(Some(bytes))
    }
}

/// The first line and the headers.
pub(crate) async fn read_head(reader: &mut BufReader<TcpStream>) -> std::io::Result<(String, Headers)> {
    let first = read_line(reader).await?;
    let mut headers = Headers::default();
    loop {
        let line = read_line(reader).await?;
        if line.is_empty() {
            return Ok((first, headers));
        }
        let (name, value) =
            line.split_once(':').ok_or_else(|| std::io::Error::other(format!("not a header: {line:?}")))?;
        headers.0.push((name.to_owned(), value.trim().to_owned()));
    }
}

async fn read_line(reader: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut line = String::new();
    if reader.read_line(&mut line).await? == 0 {
        return Err(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "closed"));
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
