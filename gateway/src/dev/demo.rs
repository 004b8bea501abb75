//! A small MCP server to try Keyledger on: it speaks 2026-07-28 (stateless), 2025-11-25 and 2025-06-18 (sessions)
//! at `/mcp` on loopback. It checks nobody: what stands before it does.
//!
//! This file is the transport (Streamable HTTP); what there is to call is in `offer`.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use bytes::Bytes;
use events::clock::{SystemClock, SystemRandom, uuid_v7};
use futures::{Stream, StreamExt, stream};
use http::{HeaderMap, Method, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::offer::{Answer, Fault, Told};
use super::Error;

mod offer;

const PATH: &str = "/mcp";
const STATELESS: &str = "2026-07-28";
/// The first is what a client gets that asks for an unknown one.
const WITH_SESSIONS: [&str; 3] = ["2025-11-25", "2025-06-18", "2025-03-26"];
const VERSION: &str = "mcp-protocol-version";
const SESSION: &str = "mcp-session-id";
const MOST_BYTES: usize = 4 * 1024 * 1024;
/// Beyond these the oldest session is forgotten.
const MOST_SESSIONS: usize = 1_000;

/// A running demo server. Dropped, it ends.
#[derive(Debug)]
pub struct Demo {
    address: SocketAddr,
    cancel: CancellationToken,
    tasks: JoinSet<()>,
}

impl Demo {
    /// Listens on this loopback address; port 0 takes a free one.
    pub async fn start(listen: SocketAddr) -> Result<Self, Error> {
        let failed = |source| Error::Spawn { program: format!("the demo MCP server (on {listen})"), source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let cancel = CancellationToken::new();
        let server = Server { sessions: Arc::default(), cancel: cancel.clone() };
        let router = Router::new().route(PATH, any(serve));
        let router = router.layer(DefaultBodyLimit::max(MOST_BYTES)).with_state(server);
        let mut tasks = JoinSet::new();
        let until = cancel.clone();
        tasks.spawn(async move {
            let serving = axum::serve(listener, router).with_graceful_shutdown(until.cancelled_owned());
            if let Err(error) = serving.await {
                tracing::error!(%error, "the demo MCP server has ended");
            }
        });
        Ok(Self { address, cancel, tasks })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What to register as a server's upstream.
    pub fn url(&self) -> String {
        format!("http://{}{PATH}", self.address)
    }

    /// Ends it; open streams are cut after a moment.
    pub async fn stop(mut self) {
        self.cancel.cancel();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        // What is still open then ends with the tasks' owner.
        let _ = tokio::time::timeout(Duration::from_secs(1), ended).await;
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

#[derive(Clone)]
struct Server {
    sessions: Arc<Mutex<VecDeque<String>>>,
    cancel: CancellationToken,
}

/// A JSON-RPC message of a client. What has no id or no method wants no answer.
#[derive(Deserialize)]
struct Message {
    id: Option<Value>,
    method: Option<String>,
    #[serde(default)]
    params: Value,
}

async fn serve(State(server): State<Server>, method: Method, headers: HeaderMap, body: Bytes) -> Response {
    if !is_local(&headers) {
        return (StatusCode::FORBIDDEN, "this server is called by its loopback address").into_response();
    }
    match method {
        Method::POST => match serde_json::from_slice(&body) {
            Ok(message) => server.post(&headers, message),
            Err(_) => {
                Fault::new(-32_700, "the body is no JSON-RPC message").response(StatusCode::BAD_REQUEST)
            }
        },
        Method::GET => server.listen(&headers),
        Method::DELETE => server.end(&headers),
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

/// A page of a browser that was led here by a name of its own (DNS rebinding) is refused.
fn is_local(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _port)| name);
    matches!(name, "127.0.0.1" | "localhost")
}

impl Server {
    fn post(&self, headers: &HeaderMap, message: Message) -> Response {
        let Message { id, method, params } = message;
        let method = method.unwrap_or_default();
        let said = params["_meta"]["io.modelcontextprotocol/protocolVersion"].as_str();
        let stateless = said.or_else(|| text(headers, VERSION)) == Some(STATELESS) && method != "initialize";
        if method == "initialize"
            && let Some(id) = &id
        {
            return self.begin(id, &params);
        }
        if !stateless
            && method != "server/discover"
            && let Err(refused) = self.session(headers)
        {
            return refused.into_response();
        }
        let (Some(id), false) = (id, method.is_empty()) else {
            return StatusCode::ACCEPTED.into_response();
        };
        match offer::answer(&method, &params, headers) {
            Answer::Whole(mut result) => {
                if stateless {
                    offer::complete(&method, &mut result);
                }
                axum::Json(json!({"jsonrpc": "2.0", "id": id, "result": result})).into_response()
            }
            Answer::Fault(fault) => {
                // The older revisions tell errors in the message alone.
                let unknown = stateless && fault.is_unknown_method();
                fault.of(id).response(if unknown { StatusCode::NOT_FOUND } else { StatusCode::OK })
            }
            Answer::Slow(told) => self.events(told.map(move |told| match told {
                Told::Progress(params) => {
                    json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params})
                }
                Told::Result(mut result) => {
                    if stateless {
                        offer::complete(&method, &mut result);
                    }
                    json!({"jsonrpc": "2.0", "id": id, "result": result})
                }
            })),
        }
    }

    fn begin(&self, id: &Value, params: &Value) -> Response {
        let asked = params["protocolVersion"].as_str().unwrap_or_default();
        let spoken = WITH_SESSIONS.into_iter().find(|version| *version == asked).unwrap_or(WITH_SESSIONS[0]);
        let mut result = offer::about();
        result["protocolVersion"] = spoken.into();
        result["serverInfo"] = offer::info();
        let session = uuid_v7(&SystemClock, &SystemRandom).to_string();
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.len() >= MOST_SESSIONS {
            sessions.pop_front();
        }
        sessions.push_back(session.clone());
        drop(sessions);
        ([(SESSION, session)], axum::Json(json!({"jsonrpc": "2.0", "id": id, "result": result})))
            .into_response()
    }

    /// Whether a request is of an open session; what it is answered when not.
    fn session(&self, headers: &HeaderMap) -> Result<(), (StatusCode, &'static str)> {
        let session = text(headers, SESSION).ok_or((StatusCode::BAD_REQUEST, "Mcp-Session-Id is missing"))?;
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let open = sessions.iter().any(|open| open == session);
        open.then_some(()).ok_or((StatusCode::NOT_FOUND, "there is no such session"))
    }

    /// A stream on which nothing ever comes: this server has nothing to say by itself.
    fn listen(&self, headers: &HeaderMap) -> Response {
        if text(headers, VERSION) == Some(STATELESS) {
            return StatusCode::METHOD_NOT_ALLOWED.into_response();
        }
        match self.session(headers) {
            Ok(()) => self.events(stream::pending()),
            Err(refused) => refused.into_response(),
        }
    }

    fn end(&self, headers: &HeaderMap) -> Response {
        match self.session(headers) {
            Ok(()) => {
                let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
                sessions.retain(|open| Some(&**open) != text(headers, SESSION));
                StatusCode::NO_CONTENT.into_response()
            }
            Err(refused) => refused.into_response(),
        }
    }

    /// Messages as server-sent events, until the last one, or until this server ends.
    fn events(&self, messages: impl Stream<Item = Value> + Send + 'static) -> Response {
        let opened = stream::once(async { ": open\n\n".to_owned() });
        let told = messages.map(|message| format!("event: message\ndata: {message}\n\n"));
        let all = opened.chain(told).take_until(self.cancel.clone().cancelled_owned());
        let body = Body::from_stream(all.map(Ok::<_, Infallible>));
        ([(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-cache")], body)
            .into_response()
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests;
