//! A bare hyper server: it reads each request's body and answers 200. The floor of `keys/verify`, and the upstream
//! that nginx and Keyledger stand before. A process of its own, so that what it uses can be told; a runtime and a
//! socket a thread, as Keyledger's public listener has them.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use gateway::dev::children::{self, Child, Launch};
use gateway::dev::port::Port;
use http::{HeaderValue, Request, Response, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use keyledger_tests::poll;
use socket2::{Domain, Socket, Type};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// The answer to a tool call.
pub const ANSWER: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"3"}]}}"#;
const EVENT: &str = "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":\"info\",\"data\":\"step\"}}\n\n";
/// Events of `/stream`.
pub const EVENTS: usize = 10_000;
/// Tools of `/list`.
pub const TOOLS: usize = 1_000;
/// Bytes of `/large`, about.
pub const LARGE: usize = 10 * 1024 * 1024;

const START: Duration = Duration::from_secs(20);

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// A running bare server.
pub struct BareServer {
    pub address: SocketAddr,
    child: Child,
    _port: Port,
    _folder: TempDir,
}

impl BareServer {
    pub async fn start(threads: usize) -> Self {
        let port = Port::take(&[]).expect("a free port");
        let address = SocketAddr::from(([127, 0, 0, 1], port.number()));
        let folder = tempfile::tempdir().expect("a temporary folder");
        let listen = ["--listen".into(), address.to_string().into()];
        let threads = ["--threads".into(), threads.to_string().into()];
        let launch = Launch {
            wrapper: Vec::new(),
            program: std::env::current_exe().expect("this program's path"),
            arguments: std::iter::once("floor-server".into()).chain(listen).chain(threads).collect(),
            log: folder.path().join("output.log"),
        };
        let child = children::spawn(&launch).await.expect("the bare server starts");
        poll::until("the bare server listens", START, async || TcpStream::connect(address).await).await;
        Self { address, child, _port: port, _folder: folder }
    }

    pub fn process(&self) -> u32 {
        self.child.id()
    }
}

/// Serves until it is killed.
pub fn run(listen: SocketAddr, threads: usize) {
    let threads: Vec<_> = (0..threads)
        .map(|_| {
            let socket = bind(listen).expect("the port is free");
            std::thread::spawn(move || serve(socket))
        })
        .collect();
    for thread in threads {
        thread.join().expect("a thread ends in order");
    }
}

fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    socket.listen(4_096)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

fn serve(socket: TcpListener) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(socket).expect("a socket");
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
                accepted = listener.accept() => {
                    let Ok((stream, _)) = accepted else { continue };
                    let _ = stream.set_nodelay(true);
                    let mut http = http1::Builder::new();
                    http.timer(TokioTimer::new()).header_read_timeout(None);
                    connections.spawn(http.serve_connection(TokioIo::new(stream), service_fn(answer)));
                }
            }
        }
    });
}

async fn answer(request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path().to_owned();
    let mut body = request.into_body();
    while let Some(Ok(_)) = body.frame().await {}
    let (kind, body) = match path.as_str() {
        "/stream" => ("text/event-stream", events(EVENTS).boxed_unsync()),
        "/open" => {
            ("text/event-stream", StreamBody::new(event().chain(futures::stream::pending())).boxed_unsync())
        }
        "/list" => ("application/json", Full::new(list()).boxed_unsync()),
        "/large" => ("application/json", Full::new(large()).boxed_unsync()),
        _ => ("application/json", Full::new(Bytes::from_static(ANSWER.as_bytes())).boxed_unsync()),
    };
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(response)
}

type Event = Result<Frame<Bytes>, Infallible>;

fn event() -> impl futures::Stream<Item = Event> + Send {
    futures::stream::iter([Ok(Frame::data(Bytes::from_static(EVENT.as_bytes())))])
}

/// As a server writes them that has them one after the other: each may go out by itself.
fn events(count: usize) -> StreamBody<impl futures::Stream<Item = Event> + Send> {
    let events = futures::stream::iter(0..count).then(async |_| {
        tokio::task::yield_now().await;
        Ok(Frame::data(Bytes::from_static(EVENT.as_bytes())))
    });
    StreamBody::new(events)
}

/// A list of tools as a server of middle size describes them.
fn list() -> Bytes {
    static LIST: std::sync::OnceLock<Bytes> = std::sync::OnceLock::new();
    let list = LIST.get_or_init(|| {
        let tool = |number: usize| {
            format!(
                r#"{{"name":"tool_{number}","title":"Tool {number}","description":"Searches the {number}th of the company's collections of documents and returns what fits best, with a link to each and a line of why.","inputSchema":{{"type":"object","properties":{{"query":{{"type":"string","description":"What to look for, in words."}},"limit":{{"type":"integer","minimum":1,"maximum":100,"description":"So many at most."}}}},"required":["query"]}},"annotations":{{"readOnlyHint":true}}}}"#
            )
        };
        let tools: Vec<_> = (0..TOOLS).map(tool).collect();
        format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"tools":[{}]}}}}"#, tools.join(",")).into()
    });
    list.clone()
}

/// A tool's answer with one long text.
fn large() -> Bytes {
    static LARGE_ANSWER: std::sync::OnceLock<Bytes> = std::sync::OnceLock::new();
    let answer = LARGE_ANSWER.get_or_init(|| {
        let text = "x".repeat(LARGE);
        format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"content":[{{"type":"text","text":"{text}"}}]}}}}"#)
            .into()
    });
    answer.clone()
}
