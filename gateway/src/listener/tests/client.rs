//! A client that writes bytes, and reads what came.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A client's connection.
pub struct Connection {
    pub stream: TcpStream,
    read: Vec<u8>,
}

/// An answer's head and, once it was read, its body.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    headers: HashMap<String, String>,
    pub body: String,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{self:?}"))
    }

    /// The gateway's own word for a refusal.
    pub fn reason(&self) -> String {
        self.json()["error"]["data"]["reason"].as_str().unwrap_or_else(|| panic!("{self:?}")).to_owned()
    }
}

impl Connection {
    pub async fn open(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.unwrap(), read: Vec::new() }
    }

    pub async fn write(&mut self, bytes: &str) {
        self.stream.write_all(bytes.as_bytes()).await.unwrap();
    }

    /// Reads more; false: the end.
    async fn more(&mut self) -> bool {
        let read = tokio::time::timeout(Duration::from_secs(10), self.stream.read_buf(&mut self.read)).await;
        matches!(read.expect("an answer in time"), Ok(read) if read > 0)
    }

    /// What was not read yet, and that the connection then ends in order, and not in a reset.
    pub async fn end(&mut self) -> String {
        loop {
            let read = tokio::time::timeout(Duration::from_secs(10), self.stream.read_buf(&mut self.read));
            match read.await.expect("an end in time") {
                Ok(0) => return String::from_utf8(std::mem::take(&mut self.read)).unwrap(),
                Ok(_) => {}
                Err(error) => panic!("the connection broke: {error}; read: {:?}", self.read),
            }
        }
    }

    /// Until the connection ends, in whatever way: whatever was not read yet.
    pub async fn rest(&mut self) -> String {
        while self.more().await {}
        String::from_utf8(std::mem::take(&mut self.read)).unwrap()
    }

    pub async fn head(&mut self) -> Reply {
        let end = loop {
            if let Some(end) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            assert!(self.more().await, "the connection ended before an answer: {:?}", self.read);
        };
        let head = String::from_utf8(self.read.drain(..end + 4).collect()).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        Reply { status, headers, body: String::new() }
    }

    pub async fn reply(&mut self) -> Reply {
        let mut reply = self.head().await;
        if reply.header("transfer-encoding") == Some("chunked") {
            while let Some(chunk) = self.chunk().await {
                reply.body.push_str(&chunk);
            }
        } else {
            let length: usize = reply.header("content-length").map_or(0, |length| length.parse().unwrap());
            while self.read.len() < length {
                assert!(self.more().await, "the body broke off");
            }
            reply.body = String::from_utf8(self.read.drain(..length).collect()).unwrap();
        }
        reply
    }

    /// The next chunk of a chunked body; `None`: its end.
    pub async fn chunk(&mut self) -> Option<String> {
        loop {
            if let Some(line) = self.read.windows(2).position(|window| window == b"\r\n") {
                let size = std::str::from_utf8(&self.read[..line]).unwrap();
                let size = usize::from_str_radix(size, 16).unwrap();
                if self.read.len() >= line + 2 + size + 2 {
                    let chunk = self.read.drain(..line + 2 + size + 2).skip(line + 2).take(size).collect();
                    return (size > 0).then(|| String::from_utf8(chunk).unwrap());
                }
            }
            assert!(self.more().await, "the connection ended within a body");
        }
    }
}
