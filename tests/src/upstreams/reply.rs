//! An answer that is written by hand, part by part.

use serde_json::Value;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::closed;

/// The way back to the gateway. After a failed write (the gateway went away) nothing more is written.
#[derive(Debug)]
pub struct Reply {
    reader: BufReader<TcpStream>,
    broken: bool,
    ended: bool,
}

impl Reply {
    pub(super) fn new(reader: BufReader<TcpStream>) -> Self {
        Self { reader, broken: false, ended: false }
    }

    /// The connection, when it can carry another request.
    pub(super) fn done(self) -> Option<BufReader<TcpStream>> {
        (self.ended && !self.broken).then_some(self.reader)
    }

    /// A whole answer.
    pub async fn whole(&mut self, status: u16, headers: &[(&str, &str)], body: &[u8]) {
        let length = body.len().to_string();
        let mut all = vec![("Content-Length", length.as_str())];
        all.extend_from_slice(headers);
        self.head(status, &all).await;
        self.raw(body).await;
        self.ended = true;
    }

    pub async fn json(&mut self, status: u16, headers: &[(&str, &str)], body: &Value) {
        let mut all = vec![("Content-Type", "application/json")];
        all.extend_from_slice(headers);
        self.whole(status, &all, body.to_string().as_bytes()).await;
    }

    /// Begins an event stream; `event` and `end` go on.
    pub async fn stream(&mut self, headers: &[(&str, &str)]) {
        self.begin("text/event-stream", headers).await;
    }

    /// Begins an answer in chunks.
    pub async fn begin(&mut self, media: &str, headers: &[(&str, &str)]) {
        let mut all = vec![("Content-Type", media), ("Transfer-Encoding", "chunked")];
        all.extend_from_slice(headers);
        self.head(200, &all).await;
    }

    /// One message of the stream. `false`: the gateway is gone.
    pub async fn event(&mut self, id: Option<&str>, message: &Value) -> bool {
        let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
        self.chunk(format!("{id}data: {message}\n\n").as_bytes()).await;
        !self.broken
    }

    pub async fn end(&mut self) {
        self.raw(b"0\r\n\r\n").await;
        self.ended = true;
    }

    /// Returns when the gateway closes its connection.
    pub async fn closed(&mut self) {
        closed(&mut self.reader).await;
        self.broken = true;
    }

    pub async fn chunk(&mut self, bytes: &[u8]) {
        let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
        chunk.extend_from_slice(bytes);
        chunk.extend_from_slice(b"\r\n");
        self.raw(&chunk).await;
    }

    async fn head(&mut self, status: u16, headers: &[(&str, &str)]) {
        let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        self.raw(format!("HTTP/1.1 {status} Upstream\r\n{lines}\r\n").as_bytes()).await;
    }

    async fn raw(&mut self, bytes: &[u8]) {
        if !self.broken {
            self.broken = self.reader.get_mut().write_all(bytes).await.is_err();
        }
    }
}
