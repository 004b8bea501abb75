//! Passes one request on and its answer back. Everything was decided before; this keeps the two connections
//! honest.
//!
//! - The client's disconnect reaches the upstream at once, in both eras: whoever drops the answer drops the
//!   upstream's connection with it. The upstream judges what that means, as if the client had been connected
//!   to it: a cancellation from 2026-07-28 on, none before, where the client may resume with `Last-Event-ID`.
//! - A request is sent once. The upstream's status is kept; a redirect, a challenge or an encoded body can't
//!   be passed on and is 502.

use std::net::SocketAddr;

use bytes::Bytes;
use events::server::TimeoutMs;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Request, Response};
use http_body::Body as _;
use http_body_util::Full;

use super::admission::Admission;
use super::forward;
use super::media::Media;
use super::refusal::{Refusal, UpstreamFault};
use super::session::OpenedSession;
use super::stream::{Body, Watched};
use super::tasks::{self, Naming};
use super::unfit::{self, Unfit};
use crate::mcp::Era;
use crate::mcp::header::SESSION_ID;
use crate::upstream::guard::Refused;
use crate::upstream::{Upstream, UpstreamBody, UpstreamError};

const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Sends the request and turns the upstream's answer into the client's.
pub async fn pass(
    upstream: &dyn Upstream,
    request: Request<Full<Bytes>>,
    admission: Admission,
    session: Option<&OpenedSession>,
    era: Era,
    naming: Option<Naming>,
) -> Result<Response<Body>, Refusal> {
    let answer = wait(upstream, request, &admission).await?;
    let (head, mut body) = answer.into_parts();
    let peer = body.peer();
    unfit::judge(head.status, &head.headers).map_err(|unfit| tell(&unfit, peer, &admission))?;
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = head.status;
    let down = response.headers_mut();
    for (name, value) in &head.headers {
        if forward::passes_down(name) {
            down.append(name, value.clone());
        }
    }
    if era == Era::Sessions
        && let Some(id) = head.headers.get(&SESSION_ID)
    {
        let sealed = seal(id, session, &admission).ok_or_else(|| tell(&Unfit::Session, peer, &admission))?;
        down.insert(SESSION_ID, sealed);
    }
    let media = Media::of(&head.headers);
    if let Some(content_type) = media.content_type() {
        down.insert(CONTENT_TYPE, content_type);
    }
    match media {
        // The framing is kept: an empty body stays one.
        Media::Events => {
            down.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
            down.insert(CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
            *response.body_mut() = watched(body, admission, true, naming);
        }
        Media::Json(_) => {
            down.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            // What is there already needs no watch.
            *response.body_mut() = match naming {
                None => match body.whole().await {
                    Some(whole) => whole.into(),
                    None => lasting(body, admission, None)?,
                },
                Some(_) => lasting(body, admission, naming)?,
            };
        }
        Media::Other => {
            if head.status.is_success() && !body.is_end_stream() {
                tracing::warn!(request_id = ?admission.request_id, server = %admission.server.id, organization = %admission.server.organization,
                    content_type = ?head.headers.get(CONTENT_TYPE),
                    "an upstream's answer is neither JSON nor an event stream: its body is dropped");
            }
            down.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
    }
    Ok(response)
}

/// Waits for the answer's headers, as long as the caller may have it.
async fn wait(
    upstream: &dyn Upstream,
    request: Request<Full<Bytes>>,
    admission: &Admission,
) -> Result<Response<UpstreamBody>, Refusal> {
    let settings = &admission.door.settings;
    let mut sending = std::pin::pin!(upstream.send(&admission.server, request));
    let patience = admission.server.settings.response_timeout_ms.map(TimeoutMs::duration);
    let patience = patience.unwrap_or(settings.response_timeout);
    let mut left = patience;
    while !left.is_zero() {
        let pause = left.min(settings.recheck_every);
        match tokio::time::timeout(pause, sending.as_mut()).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => return Err(explain(&error, admission).into()),
            Err(_) => admission.look()?,
        }
        left = left.saturating_sub(pause);
    }
    tracing::warn!(request_id = ?admission.request_id, server = %admission.server.id, organization = %admission.server.organization,
        "an upstream did not answer within {} ms", patience.as_millis());
    Err(UpstreamFault::Timeout.into())
}

/// The client is told the kind alone; the reason, which may name addresses, stands in the log.
fn explain(error: &UpstreamError, admission: &Admission) -> UpstreamFault {
    tracing::warn!(request_id = ?admission.request_id, server = %admission.server.id, organization = %admission.server.organization, %error,
        "an upstream could not be called");
    match error {
        UpstreamError::AddressRefused { refused: Refused::Closed { .. }, .. } => {
            UpstreamFault::AddressRefused
        }
        UpstreamError::AddressRefused { refused: Refused::Plain { .. }, .. } => UpstreamFault::PlainHttp,
        UpstreamError::Name(_) | UpstreamError::Connect(_) => UpstreamFault::Unreachable,
        UpstreamError::ConnectTimeout { .. } => UpstreamFault::Timeout,
        UpstreamError::Tls { .. } | UpstreamError::Trust(_) => UpstreamFault::Untrusted,
        UpstreamError::Broken(_) => UpstreamFault::Broken,
    }
}

/// The cause and the address stand in the log; the client is told the kind alone.
fn tell(unfit: &Unfit, peer: Option<SocketAddr>, admission: &Admission) -> UpstreamFault {
    let peer = peer.map(tracing::field::display);
    tracing::warn!(request_id = ?admission.request_id, server = %admission.server.id, organization = %admission.server.organization, address = peer,
        cause = %unfit, "an upstream's answer can't be passed on");
    unfit.fault()
}

/// The client keeps the id that it has as long as the upstream does.
fn seal(id: &HeaderValue, session: Option<&OpenedSession>, admission: &Admission) -> Option<HeaderValue> {
    match session {
        Some(session) if session.upstream == *id => Some(session.sealed.clone()),
        Some(_) | None => admission.door.sessions.seal(id, &admission.server, &admission.principal),
    }
}

/// A body that takes its time. Who lost the right to it while the upstream worked is refused in words now: once the
/// head is on its way the connection can only be cut.
fn lasting(body: UpstreamBody, admission: Admission, naming: Option<Naming>) -> Result<Body, Refusal> {
    admission.look()?;
    Ok(watched(body, admission, false, naming))
}

fn watched(body: UpstreamBody, admission: Admission, events: bool, naming: Option<Naming>) -> Body {
    if body.is_end_stream() {
        return Body::Empty;
    }
    let body = match naming {
        Some(naming) => tasks::rename(body, naming, events),
        None => body,
    };
    let patience = admission.server.settings.idle_timeout_ms.map(TimeoutMs::duration);
    let patience = patience.unwrap_or(admission.door.settings.body_idle_timeout);
    Body::Stream(Box::new(Watched::new(body, admission, events, patience)))
}
