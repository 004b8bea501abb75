//! A receiver of syslog over TLS (RFC 5425), with a certificate of a private authority.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::upstreams::Authority;

/// A receiver that runs until it is dropped.
pub struct Syslog {
    address: SocketAddr,
    frames: Arc<Mutex<Vec<Frame>>>,
    /// So many connections are broken off in the middle.
    breaks: Arc<AtomicUsize>,
    _task: JoinSet<()>,
}

/// A message, taken apart (RFC 5424, section 6).
#[derive(Clone, Debug)]
pub struct Frame {
    pub priority: u8,
    pub time: String,
    pub host: String,
    pub app: String,
    pub id: String,
    pub data: String,
    pub message: String,
}

impl Syslog {
    pub async fn start(authority: &Authority) -> Self {
        let acceptor = TlsAcceptor::from(Arc::new(authority.server()));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (frames, breaks) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
        let mut task = JoinSet::new();
        let (kept, to_break) = (Arc::clone(&frames), Arc::clone(&breaks));
        task.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let less = |left: usize| left.checked_sub(1);
                if to_break.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok() {
                    // What it has read of the batch is lost with it.
                    let mut some = [0; 64];
                    let _ = stream.read(&mut some).await;
                    continue;
                }
                let mut bytes = Vec::new();
                if stream.read_to_end(&mut bytes).await.is_ok() {
                    kept.lock().expect("no panic").extend(apart(&bytes));
                    let _ = stream.shutdown().await;
                }
            }
        });
        Self { address, frames, breaks, _task: task }
    }

    pub fn url(&self) -> String {
        format!("tls://localhost:{}", self.address.port())
    }

    /// It dies over the next so many batches.
    pub fn breaks(&self, count: usize) {
        self.breaks.store(count, Ordering::SeqCst);
    }

    pub fn frames(&self) -> Vec<Frame> {
        self.frames.lock().expect("no panic").clone()
    }
}

/// Frames by their octet counts (RFC 5425, section 4.3).
fn apart(bytes: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let space = rest.iter().position(|byte| *byte == b' ').expect("a length and a space");
        let length: usize = std::str::from_utf8(&rest[..space]).unwrap().parse().expect("a length");
        let text = std::str::from_utf8(&rest[space + 1..space + 1 + length]).expect("UTF-8");
        frames.push(frame(text));
        rest = &rest[space + 1 + length..];
    }
    frames
}

fn frame(text: &str) -> Frame {
    let (head, after) = text.split_once(" [").expect("structured data");
    let (data, message) = after.split_once("\"] ").expect("a message");
    let parts: Vec<&str> = head.split(' ').collect();
    let [priority, time, host, app, process, id] = parts[..] else { panic!("not a head: {head}") };
    assert_eq!(process, "-");
    let priority = priority.strip_prefix('<').and_then(|it| it.strip_suffix(">1")).expect("a priority");
    Frame {
        priority: priority.parse().expect("a priority"),
        time: time.to_owned(),
        host: host.to_owned(),
        app: app.to_owned(),
        id: id.to_owned(),
        data: format!("[{data}\"]"),
        message: message.to_owned(),
    }
}
