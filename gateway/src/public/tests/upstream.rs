//! An upstream that does exactly what it is told, byte by byte.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// What the upstream does with a request.
pub enum Step {
    Write(String),
    /// Until the test says go on, or the gateway closes the connection.
    Wait(Arc<Notify>),
    /// Closes the connection.
    Close,
}

/// Says what to do with the nth request (from 0) of all.
pub type Script = dyn Fn(usize) -> Vec<Step> + Send + Sync;

#[derive(Default)]
pub struct Seen {
    /// Heads and bodies, as they came.
    requests: Mutex<Vec<String>>,
    pub connections: AtomicUsize,
    /// Connections that the upstream closed by itself.
    pub ended: AtomicUsize,
    /// Connections that the gateway closed.
    pub closed: AtomicUsize,
}

pub struct FakeUpstream {
    pub address: SocketAddr,
    pub seen: Arc<Seen>,
    _tasks: JoinSet<()>,
}

impl FakeUpstream {
    pub async fn start(script: impl Fn(usize) -> Vec<Step> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let script: Arc<Script> = Arc::new(script);
        let mut tasks = JoinSet::new();
        let shared = Arc::clone(&seen);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                connections.spawn(serve(stream, Arc::clone(&script), Arc::clone(&shared)));
            }
        });
        Self { address, seen, _tasks: tasks }
    }

    pub fn url(&self) -> String {
        format!("http://{}/upstream/mcp", self.address)
    }

    pub fn requests(&self) -> Vec<String> {
        self.seen.requests.lock().unwrap().clone()
    }

    pub async fn gateway_has_closed(&self, connections: usize) {
        super::until("the gateway closed the upstream's connection", || async {
            self.seen.closed.load(Ordering::SeqCst) >= connections
        })
        .await;
    }
}

/// A whole JSON answer.
pub fn json(body: &str) -> String {
    with("200 OK", "Content-Type: application/json\r\n", body)
}

/// `headers` end in CRLF.
pub fn with(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

async fn serve(mut stream: TcpStream, script: Arc<Script>, seen: Arc<Seen>) {
    let mut read = Vec::new();
    while let Some(request) = next_request(&mut stream, &mut read).await {
        let number = {
            let mut requests = seen.requests.lock().unwrap();
            requests.push(request);
            requests.len() - 1
        };
        for step in script(number) {
            match step {
                Step::Write(text) => {
                    if stream.write_all(text.as_bytes()).await.is_err() {
                        seen.closed.fetch_add(1, Ordering::SeqCst);
                        return;
                    }
                }
                Step::Close => {
                    drop(stream);
                    seen.ended.fetch_add(1, Ordering::SeqCst);
                    return;
                }
                Step::Wait(go_on) => {
                    let mut byte = [0];
                    tokio::select! {
                        () = go_on.notified() => {}
                        read = stream.read(&mut byte) => {
                            assert!(!matches!(read, Ok(1..)), "more before the answer was over");
                            seen.closed.fetch_add(1, Ordering::SeqCst);
                            return;
                        }
                    }
                }
            }
        }
    }
    seen.closed.fetch_add(1, Ordering::SeqCst);
}

/// `None`: the connection ended.
async fn next_request(stream: &mut TcpStream, read: &mut Vec<u8>) -> Option<String> {
    loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&read[..end + 4]).to_ascii_lowercase();
            assert!(!head.contains("transfer-encoding"), "the gateway sends whole bodies: {head}");
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| length.parse().unwrap());
            if read.len() >= end + 4 + length {
                return Some(String::from_utf8(read.drain(..end + 4 + length).collect()).unwrap());
            }
        }
        let more = tokio::time::timeout(Duration::from_secs(30), stream.read_buf(read)).await;
        if !matches!(more, Ok(Ok(1..))) {
            return None;
        }
    }
}
