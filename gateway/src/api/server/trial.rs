//! Tries an upstream when its server is registered or changed, and says what it found: what is wrong with an address
//! shows at once, and not at the first call. The command is done whatever this finds.
//!
//! It asks with the same client as a node does, from where control runs: a node elsewhere may reach other places. It
//! sends no identity token, and tells no addresses that the URL did not hold already.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use domain::server::Server;
use events::server::UpstreamUrl;
use events::{OrganizationId, ServerId};
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderValue, USER_AGENT};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use projections::directory::{ServerEntry, ServerState};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use url::Host;
use utoipa::ToSchema;

use crate::api::written::Written;
use crate::mcp::header::{METHOD, PROTOCOL_VERSION, SESSION_ID};
use crate::problem::Problem;
use crate::request::media::Media;
use crate::upstream::guard::Refused;
use crate::upstream::{HyperUpstream, OUR_USER_AGENT, Upstream, UpstreamBody, UpstreamError};

/// For all of a trial.
const BOUND: Duration = Duration::from_secs(3);
/// Trials at once; beyond them nothing is tried.
const AT_ONCE: usize = 16;
/// So much of an answer is read.
const MAX_ANSWER: usize = 64 * 1024;
/// The newest version of MCP, and the newest one with sessions.
const STATELESS: &str = "2026-07-28";
const SESSIONS: &str = "2025-11-25";

/// Tries upstreams.
pub struct Trials {
    upstream: HyperUpstream,
    places: Semaphore,
    trials: AtomicU64,
}

/// A command on a server that was carried out.
#[derive(Debug, Serialize, ToSchema)]
pub struct WrittenServer {
    #[serde(flatten)]
    pub written: Written,
    /// What was found at its upstream, from where control runs; absent when it was not tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<Found>,
}

/// What a trial found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Found {
    pub outcome: Outcome,
    /// The same for people, with what to do.
    pub detail: String,
    /// The status of its answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The version of MCP that it spoke.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol_version: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It speaks MCP.
    Answers,
    /// It answers 401 or 407 to a call without the identity token.
    WantsCredentials,
    Redirects,
    /// It answers, and not as MCP has it.
    NoMcp,
    /// No connection came about.
    Unreachable,
    /// It is at a private address that upstreams may not have.
    AddressRefused,
    /// It is called without TLS, off this machine.
    PlainHttp,
    /// Its certificate is not accepted.
    Untrusted,
    /// It did not answer in time.
    Timeout,
    /// It broke off, or does not speak HTTP.
    Broken,
    /// Too many others are tried at this moment.
    NotTried,
}

/// An answer as far as it matters.
struct Answer {
    status: StatusCode,
    session: Option<HeaderValue>,
    message: Option<Value>,
}

impl Trials {
    pub fn new(upstream: HyperUpstream) -> Self {
        Self { upstream, places: Semaphore::new(AT_ONCE), trials: AtomicU64::new(0) }
    }

    /// Refuses a URL that could never be called: without TLS, off this machine.
    pub fn check(&self, upstream: &UpstreamUrl) -> Result<(), Problem> {
        let (url, guard) = (upstream.url(), self.upstream.guard());
        let refused = url.scheme() == "http"
            && match url.host() {
                Some(Host::Ipv4(address)) => guard.check_plain(address.into()).is_err(),
                Some(Host::Ipv6(address)) => guard.check_plain(address.into()).is_err(),
                Some(Host::Domain("localhost")) => false,
                // Which addresses it has is seen when it is called.
                Some(Host::Domain(_)) | None => !guard.allows_plain(),
            };
        if refused {
            return Err(Problem::invalid(
                "upstream",
                "Off this machine http:// would carry the gateway's identity token in clear. Use https://, or have \
                 the operator open the upstream's network in `upstreams.allow_http`.",
            ));
        }
        Ok(())
    }

    /// Asks the upstream of this server who it is; `None` when it has none any more.
    pub async fn run(&self, organization: OrganizationId, id: ServerId, server: &Server) -> Option<Found> {
        let known = server.known().filter(|known| !known.removed)?;
        let entry = ServerEntry {
            id,
            organization,
            slug: known.slug.clone(),
            upstream: known.upstream.clone(),
            settings: known.settings.clone(),
            state: ServerState::Enabled,
            // No other trial shares what its own authorities vouch for.
            generation: self.trials.fetch_add(1, Ordering::Relaxed),
        };
        Some(self.find(&entry).await)
    }

    async fn find(&self, server: &ServerEntry) -> Found {
        let Ok(_place) = self.places.try_acquire() else {
            return Found::new(Outcome::NotTried, "It was not tried: others are tried at this moment.");
        };
        match tokio::time::timeout(BOUND, self.ask(server)).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => {
                tracing::info!(server = %server.id, organization = %server.organization, %error,
                    "a server's upstream was tried in vain");
                Found::failed(&error)
            }
            Err(_) => {
                Found::new(Outcome::Timeout, format!("It did not answer within {} s.", BOUND.as_secs()))
            }
        }
    }

    async fn ask(&self, server: &ServerEntry) -> Result<Found, UpstreamError> {
        let discover = json!({"jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": {"_meta": {
            "io.modelcontextprotocol/protocolVersion": STATELESS,
            "io.modelcontextprotocol/clientInfo": client_info(),
            "io.modelcontextprotocol/clientCapabilities": {},
        }}});
        let answer = self.post(server, STATELESS, Some("server/discover"), &discover).await?;
        if let Some(found) = Found::of(&answer, STATELESS) {
            return Ok(found);
        }
        let initialize = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": SESSIONS, "capabilities": {}, "clientInfo": client_info(),
        }});
        let answer = self.post(server, SESSIONS, None, &initialize).await?;
        if let Some(session) = &answer.session {
            self.end(server, session).await;
        }
        Ok(Found::of(&answer, SESSIONS).unwrap_or_else(|| Found::no_mcp(answer.status)))
    }

    async fn post(
        &self,
        server: &ServerEntry,
        version: &'static str,
        method: Option<&'static str>,
        message: &Value,
    ) -> Result<Answer, UpstreamError> {
        let mut request = request(server, Method::POST, message.to_string().into())?;
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(PROTOCOL_VERSION, HeaderValue::from_static(version));
        if let Some(method) = method {
            headers.insert(METHOD, HeaderValue::from_static(method));
        }
        Answer::read(self.upstream.send(server, request).await?).await
    }

    /// So that the upstream keeps no session that nobody uses. Some know no such end.
    async fn end(&self, server: &ServerEntry, session: &HeaderValue) {
        let Ok(mut request) = request(server, Method::DELETE, Bytes::new()) else { return };
        request.headers_mut().insert(SESSION_ID, session.clone());
        request.headers_mut().insert(PROTOCOL_VERSION, HeaderValue::from_static(SESSIONS));
        if let Err(error) = self.upstream.send(server, request).await {
            tracing::debug!(server = %server.id, %error, "a session of a trial was not ended");
        }
    }
}

fn client_info() -> Value {
    json!({"name": "keyledger", "version": env!("CARGO_PKG_VERSION")})
}

fn request(server: &ServerEntry, method: Method, body: Bytes) -> Result<Request<Full<Bytes>>, UpstreamError> {
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = method;
    *request.uri_mut() = server
        .upstream
        .url()
        .as_str()
        .parse()
        .map_err(|error: http::uri::InvalidUri| UpstreamError::Name(error.to_string()))?;
    let headers = request.headers_mut();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(USER_AGENT, OUR_USER_AGENT);
    Ok(request)
}

impl Answer {
    /// Reads until a message is there, the body has ended, or it is too long.
    async fn read(response: Response<UpstreamBody>) -> Result<Self, UpstreamError> {
        let (head, mut body) = response.into_parts();
        let session = head.headers.get(SESSION_ID).cloned();
        let events = Media::of(&head.headers) == Media::Events;
        let (mut read, mut message) = (Vec::new(), None);
        while message.is_none()
            && read.len() < MAX_ANSWER
            && let Some(frame) = body.frame().await
        {
            if let Some(data) = frame?.data_ref() {
                read.extend_from_slice(&data[..data.len().min(MAX_ANSWER - read.len())]);
                if events {
                    message = event(&read);
                }
            }
        }
        if !events {
            message = serde_json::from_slice(&read).ok();
        }
        Ok(Self { status: head.status, session, message })
    }

    /// A JSON-RPC answer's member.
    fn member(&self, name: &str) -> Option<&Value> {
        let message = self.message.as_ref()?;
        (message.get("jsonrpc")? == "2.0").then_some(message)?.get(name)
    }
}

/// The first answer among the events that are whole; messages of a server come on one line each.
fn event(read: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(read).ok()?;
    let (whole, _) = text.rsplit_once(['\n', '\r'])?;
    let lines = whole.split(['\n', '\r']).filter_map(|line| line.strip_prefix("data:"));
    lines.filter_map(|data| serde_json::from_str::<Value>(data).ok()).find(|message| message["id"] == 1)
}

impl Found {
    fn new(outcome: Outcome, detail: impl Into<String>) -> Self {
        Self { outcome, detail: detail.into(), status: None, protocol_version: None }
    }

    /// `None`: it may still speak an older version.
    fn of(answer: &Answer, asked: &'static str) -> Option<Self> {
        let status = answer.status;
        let found = if status == StatusCode::UNAUTHORIZED
            || status == StatusCode::PROXY_AUTHENTICATION_REQUIRED
        {
            Self::new(
                Outcome::WantsCredentials,
                format!(
                    "It answers {} to a call without the gateway's identity token. If it takes no such token, calls \
                     will be refused: it must be open to the gateway.",
                    status.as_u16()
                ),
            )
        } else if status.is_redirection() {
            Self::new(
                Outcome::Redirects,
                "It answers with a redirect, which is never followed: register its final URL.",
            )
        } else {
            let result = answer.member("result")?;
            let spoken = result.get("protocolVersion").and_then(Value::as_str).unwrap_or(asked);
            let spoken: String = spoken.chars().filter(char::is_ascii_graphic).take(32).collect();
            Self {
                protocol_version: Some(spoken.clone()),
                ..Self::new(Outcome::Answers, format!("It speaks MCP {spoken}."))
            }
        };
        Some(Self { status: Some(status.as_u16()), ..found })
    }

    fn no_mcp(status: StatusCode) -> Self {
        let detail = format!("It answers {} and does not speak MCP: is the path right?", status.as_u16());
        Self { status: Some(status.as_u16()), ..Self::new(Outcome::NoMcp, detail) }
    }

    fn failed(error: &UpstreamError) -> Self {
        match error {
            UpstreamError::AddressRefused { refused: Refused::Closed { what, .. }, .. } => Self::new(
                Outcome::AddressRefused,
                format!(
                    "Its address is {what}, and calls to it are refused: the operator can open its network in \
                     `upstreams.allow`."
                ),
            ),
            UpstreamError::AddressRefused { refused: Refused::Plain { .. }, .. } => Self::new(
                Outcome::PlainHttp,
                "Its address is off this machine, and http:// would carry the gateway's identity token there in \
                 clear: use https://, or the operator can open its network in `upstreams.allow_http`.",
            ),
            UpstreamError::Name(cause) => {
                Self::new(Outcome::Unreachable, format!("It can't be found: {cause}."))
            }
            UpstreamError::Connect(_) => {
                Self::new(Outcome::Unreachable, "Nobody answers at its address and port.")
            }
            UpstreamError::ConnectTimeout { millis, .. } => {
                Self::new(Outcome::Timeout, format!("No connection came about within {millis} ms."))
            }
            UpstreamError::Tls { cause, .. } => Self::new(
                Outcome::Untrusted,
                format!(
                    "TLS with it failed: {cause}. A private authority can be given with the server (`settings.ca`), or \
                     for all servers in `upstreams.ca_file`."
                ),
            ),
            UpstreamError::Trust(cause) => {
                Self::new(Outcome::Untrusted, format!("Its certificate authorities can't be used: {cause}."))
            }
            UpstreamError::Broken(_) => {
                Self::new(Outcome::Broken, "It broke off, or its answer is no HTTP that can be read.")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_among_events_is_found_once_it_is_whole() {
        let whole =
            "event: message\ndata: {\"method\":\"x\"}\n\n: ping\n\nid: 7\ndata: {\"id\":1,\"result\":{}}\n\n";
        assert_eq!(event(whole.as_bytes()).unwrap()["result"], json!({}));
        assert_eq!(event(whole.replace('\n', "\r\n").as_bytes()).unwrap()["id"], 1);
        let cut = whole.len() - 3;
        assert!(event(&whole.as_bytes()[..cut]).is_none());
    }
}
