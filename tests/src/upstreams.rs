//! MCP servers that misbehave, and one that behaves, on loopback: what stands behind the gateway in the
//! tests. Each keeps what it received. The answers are written by hand, since an HTTP library would not let
//! them be wrong.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tokio::io::{AsyncReadExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::wire::{Body, Headers, read_head};

mod express;
mod plain;
mod reply;
mod server;
mod stepping;
mod tls;

#[cfg(test)]
mod tests;

pub use express::Express;
pub use plain::{Fixed, Hanging, Redirecting, Trickling};
pub use reply::Reply;
pub use server::McpServer;
pub use stepping::Stepping;
pub use tls::{Authority, TlsFront};

/// A server that runs until it is dropped.
#[derive(Debug)]
pub struct Upstream {
    pub address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    open: Arc<()>,
    _task: JoinSet<()>,
}

/// One request as the upstream saw it.
#[derive(Clone, Debug)]
pub struct Received {
    /// Counts the connections: the same number, the same connection.
    pub connection: usize,
    pub method: String,
    pub target: String,
    pub headers: Headers,
    pub body: Vec<u8>,
}

/// What an upstream does with a request.
#[async_trait]
pub trait Behave: Send + Sync + 'static {
    async fn answer(&self, call: &Received, reply: &mut Reply) -> After;
}

/// What it does with the connection afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Waits for the next request.
    Keep,
    /// Closes at once, without having said so.
    Close,
    /// Closes when this long nothing came.
    CloseIdle(Duration),
}

impl Upstream {
    pub async fn start(behaviour: impl Behave) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let received = Arc::new(Mutex::new(Vec::new()));
        let open = Arc::new(());
        let mut task = JoinSet::new();
        task.spawn(accept(listener, Arc::new(behaviour), received.clone(), open.clone()));
        Self { address, received, open, _task: task }
    }

    /// Where a server is registered.
    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().expect("not poisoned").clone()
    }

    /// How many connections it has not closed.
    pub fn connections(&self) -> usize {
        // Each holds one, beside this and the task that accepts.
        Arc::strong_count(&self.open).saturating_sub(2)
    }

    /// The requests of one JSON-RPC method.
    pub fn calls(&self, method: &str) -> Vec<Received> {
        self.received().into_iter().filter(|call| call.message()["method"] == method).collect()
    }
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    /// The JSON-RPC message; null when the body is none.
    pub fn message(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

async fn accept(
    listener: TcpListener,
    behaviour: Arc<dyn Behave>,
    received: Arc<Mutex<Vec<Received>>>,
    open: Arc<()>,
) {
    let mut connections = JoinSet::new();
    for number in 0.. {
        let Ok((stream, _)) = listener.accept().await else { return };
        let (serving, open) = (serve(number, stream, behaviour.clone(), received.clone()), open.clone());
        connections.spawn(async move {
            serving.await;
            drop(open);
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(
    connection: usize,
    stream: TcpStream,
    behaviour: Arc<dyn Behave>,
    received: Arc<Mutex<Vec<Received>>>,
) {
    let _ = stream.set_nodelay(true);
    let mut reader = BufReader::new(stream);
    let mut idle = None;
    loop {
        let head = async { read_head(&mut reader).await.ok() };
        let head = match idle {
            None => head.await,
            Some(bound) => tokio::time::timeout(bound, head).await.ok().flatten(),
        };
        let Some((first, headers)) = head else { return };
        let mut body = Body::of_request(reader, &headers);
        let Ok(bytes) = body.whole().await else { return };
        let mut words = first.split(' ');
        let mut word = || words.next().unwrap_or_default().to_owned();
        let call = Received { connection, method: word(), target: word(), headers, body: bytes };
        received.lock().expect("not poisoned").push(call.clone());
        let mut reply = Reply::new(body.reader);
        let after = behaviour.answer(&call, &mut reply).await;
        let Some(back) = reply.done() else { return };
        reader = back;
        match after {
            After::Keep => idle = None,
            After::CloseIdle(bound) => idle = Some(bound),
            After::Close => return,
        }
    }
}

/// Returns when the other side closes its connection.
pub(crate) async fn closed(reader: &mut BufReader<TcpStream>) {
    let mut byte = [0];
    while matches!(reader.read(&mut byte).await, Ok(1..)) {}
}
