//! Tries an upstream when its server is registered or changed, and says what it found: what is wrong with an address
//! shows at once, and not at the first call. The command is done whatever this finds. An answer is judged as the proxy
//! does: that an upstream speaks MCP is said of none whose calls would fail.
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
use http::{Method, Request};
use http_body_util::Full;
use projections::directory::{Newest, ServerEntry, ServerState};
use serde::Serialize;
use tokio::sync::Semaphore;
use url::{Host, Url};
use utoipa::ToSchema;

mod answer;
mod found;

use answer::{Answer, Greeting};
use found::{Found, Outcome};

use crate::api::written::Written;
use crate::mcp::header::{METHOD, PROTOCOL_VERSION, SESSION_ID};
use crate::problem::Problem;
use crate::request::media;
use crate::upstream::{Guard, HyperUpstream, OUR_USER_AGENT, Upstream, UpstreamError};

/// For all of a trial.
const BOUND: Duration = Duration::from_secs(3);
/// Trials at once; beyond them nothing is tried.
const AT_ONCE: usize = 16;

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

impl Trials {
    pub fn new(upstream: HyperUpstream) -> Self {
        Self { upstream, places: Semaphore::new(AT_ONCE), trials: AtomicU64::new(0) }
    }

    /// What addresses pass.
    pub fn guard(&self) -> &Guard {
        self.upstream.guard()
    }

    /// Whether the URL could never be called: without TLS, off this machine.
    pub fn refuses_plain(&self, url: &Url) -> bool {
        let guard = self.guard();
        url.scheme() == "http"
            && match url.host() {
                Some(Host::Ipv4(address)) => guard.check_plain(address.into()).is_err(),
                Some(Host::Ipv6(address)) => guard.check_plain(address.into()).is_err(),
                Some(Host::Domain("localhost")) => false,
                // Which addresses it has is seen when it is called.
                Some(Host::Domain(_)) | None => !guard.allows_plain(),
            }
    }

    /// Refuses a URL that could never be called.
    pub fn check(&self, upstream: &UpstreamUrl) -> Result<(), Problem> {
        if self.refuses_plain(upstream.url()) {
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
            newest: Newest::default(),
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
        let answer = self.greet(server, Greeting::Discover).await?;
        if let Some(found) = Found::of(&answer, Greeting::Discover) {
            return Ok(found);
        }
        let answer = self.greet(server, Greeting::Initialize).await?;
        if let Some(session) = &answer.session {
            self.end(server, session).await;
        }
        Ok(Found::of(&answer, Greeting::Initialize).unwrap_or_else(|| Found::no_mcp(&answer)))
    }

    async fn greet(&self, server: &ServerEntry, greeting: Greeting) -> Result<Answer, UpstreamError> {
        let mut request = request(server, Method::POST, greeting.message().to_string().into())?;
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, media::JSON);
        headers.insert(PROTOCOL_VERSION, HeaderValue::from_static(greeting.version()));
        if greeting == Greeting::Discover {
            headers.insert(METHOD, HeaderValue::from_static(greeting.method()));
        }
        Answer::read(self.upstream.send(server, request).await?, greeting).await
    }

    /// So that the upstream keeps no session that nobody uses. Some know no such end.
    async fn end(&self, server: &ServerEntry, session: &HeaderValue) {
        let Ok(mut request) = request(server, Method::DELETE, Bytes::new()) else { return };
        request.headers_mut().insert(SESSION_ID, session.clone());
        request
            .headers_mut()
            .insert(PROTOCOL_VERSION, HeaderValue::from_static(Greeting::Initialize.version()));
        if let Err(error) = self.upstream.send(server, request).await {
            tracing::debug!(server = %server.id, %error, "a session of a trial was not ended");
        }
    }
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
