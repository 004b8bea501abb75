//! The load generator: connections that are kept, each with one request at a time, on a thread and a runtime of
//! their own. Requests are bytes that were prepared before; of an answer no more is read than where it ends and its
//! status.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use events::clock::{Clock, SystemClock};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::statistics::percentile;

pub mod answer;

use answer::Reader;

/// What is sent where. Requests are taken in turn by whichever connection is free.
#[derive(Clone, Debug)]
pub struct Load {
    pub to: SocketAddr,
    pub requests: Arc<[Bytes]>,
    pub connections: usize,
}

/// What came of a load.
#[derive(Debug, Default)]
pub struct Measured {
    /// Answers that say that it was done.
    pub answers: u64,
    /// Other answers, and connections that ended.
    pub failed: u64,
    /// The status of one of these; 0: its connection ended.
    pub failure: u16,
    pub elapsed: Duration,
    /// Microseconds, sorted.
    latencies: Vec<u32>,
}

/// One connection.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// When a connection stops.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    Elapsed(Duration),
    /// So many requests of all connections together.
    Requests(usize),
}

impl Measured {
    pub fn per_second(&self) -> f64 {
        self.answers as f64 / self.elapsed.as_secs_f64()
    }

    /// In microseconds.
    pub fn percentile(&self, share: f64) -> f64 {
        percentile(&self.latencies, share).map_or(f64::NAN, f64::from)
    }
}

impl Load {
    /// Sends for so long, or so many; waits for the answers to what was sent.
    pub async fn run(&self, until: Until) -> Measured {
        let (done, measured) = oneshot::channel();
        let load = self.clone();
        let thread = std::thread::Builder::new().name("load".to_owned()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let _ = done.send(runtime.expect("a runtime").block_on(load.sent(until)));
        });
        thread.expect("a thread");
        measured.await.expect("the load's thread ends in order")
    }

    async fn sent(self, until: Until) -> Measured {
        let mut connections = Vec::with_capacity(self.connections);
        for _ in 0..self.connections {
            connections.push(Connection::open(self.to).await.expect("the server takes a connection"));
        }
        let next = Arc::new(AtomicUsize::new(0));
        let start = SystemClock.instant();
        let mut tasks = JoinSet::new();
        for connection in connections {
            let (requests, next) = (Arc::clone(&self.requests), Arc::clone(&next));
            tasks.spawn(one(connection, self.to, requests, next, start, until));
        }
        let mut all = Measured::default();
        while let Some(one) = tasks.join_next().await {
            let one = one.expect("a connection's task ends in order");
            all.answers += one.answers;
            all.failed += one.failed;
            all.failure = all.failure.max(one.failure);
            all.latencies.extend(one.latencies);
        }
        all.elapsed = SystemClock.instant() - start;
        all.latencies.sort_unstable();
        all
    }
}

async fn one(
    mut connection: Connection,
    to: SocketAddr,
    requests: Arc<[Bytes]>,
    next: Arc<AtomicUsize>,
    start: Instant,
    until: Until,
) -> Measured {
    let mut measured = Measured::default();
    let mut before = SystemClock.instant();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let goes_on = match until {
            Until::Elapsed(window) => before - start < window,
            Until::Requests(most) => number < most,
        };
        if !goes_on {
            return measured;
        }
        let mut reader = Reader::default();
        let whole = connection.call(&requests[number % requests.len()], &mut reader).await;
        let now = SystemClock.instant();
        if whole.is_ok() && matches!(reader.status, 200..=299) {
            measured.answers += 1;
            let micros = (now - before).as_micros();
            measured.latencies.push(u32::try_from(micros).unwrap_or(u32::MAX));
        } else {
            measured.failed += 1;
            measured.failure = measured.failure.max(reader.status);
        }
        if whole.is_err() {
            match Connection::open(to).await {
                Ok(again) => connection = again,
                Err(_) => return measured,
            }
        }
        before = now;
    }
}

impl Connection {
    pub async fn open(to: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; 64 * 1024] })
    }

    /// Sends a request and reads its answer to the end.
    pub async fn call(&mut self, request: &[u8], reader: &mut Reader) -> std::io::Result<()> {
        self.stream.write_all(request).await?;
        while !self.piece(reader).await? {}
        Ok(())
    }

    /// Sends a request and reads until its answer has begun.
    pub async fn begin(&mut self, request: &[u8], reader: &mut Reader) -> std::io::Result<()> {
        self.stream.write_all(request).await?;
        while !reader.has_begun() {
            self.piece(reader).await?;
        }
        Ok(())
    }

    /// Reads what is there next. Whether the answer is whole.
    pub async fn piece(&mut self, reader: &mut Reader) -> std::io::Result<bool> {
        let read = self.stream.read(&mut self.buffer).await?;
        if read == 0 {
            return if reader.ended() { Ok(true) } else { Err(std::io::ErrorKind::UnexpectedEof.into()) };
        }
        reader.take(&self.buffer[..read]).map_err(|_| std::io::Error::other("no HTTP/1.1 answer"))
    }
}

/// A POST of JSON as an MCP client sends it. `headers` end in CRLF.
pub fn post(path: &str, headers: &str, body: &str) -> Bytes {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    )
    .into()
}
