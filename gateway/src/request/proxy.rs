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
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::Full;

use super::admission::Admission;
use super::forward;
use super::media::Media;
use super::refusal::{Refusal, UpstreamFault};
use super::session::OpenedSession;
use super::stream::{Body, Watched};
use super::tasks::{self, Naming};
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
    judge(head.status, &head.headers).map_err(|unfit| tell(&unfit, peer, &admission))?;
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
                    None => watched(body, admission, false, None),
                },
                Some(_) => watched(body, admission, false, naming),
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

/// Why an answer can't be passed on.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum Unfit {
    #[error("it is a redirect ({0})")]
    Redirect(StatusCode),
    #[error("it wants credentials ({0})")]
    Challenge(StatusCode),
    #[error("its Content-Encoding is {0:?}")]
    Encoded(String),
    #[error("it ends with an interim status ({0})")]
    Informational(StatusCode),
    #[error("its Mcp-Session-Id can't be sealed")]
    Session,
}

impl Unfit {
    fn fault(&self) -> UpstreamFault {
        match self {
            Self::Redirect(_) => UpstreamFault::Redirected,
            Self::Challenge(_) => UpstreamFault::WantsCredentials,
            Self::Encoded(_) | Self::Informational(_) | Self::Session => UpstreamFault::BadAnswer,
        }
    }
}

/// What of an upstream's header stands in a log line, in bytes.
const MAX_TOLD: usize = 80;

/// The cause and the address stand in the log; the client is told the kind alone.
fn tell(unfit: &Unfit, peer: Option<SocketAddr>, admission: &Admission) -> UpstreamFault {
    let peer = peer.map(tracing::field::display);
    tracing::warn!(request_id = ?admission.request_id, server = %admission.server.id, organization = %admission.server.organization, address = peer,
        cause = %unfit, "an upstream's answer can't be passed on");
    unfit.fault()
}

fn judge(status: StatusCode, headers: &HeaderMap) -> Result<(), Unfit> {
    if status.is_redirection() {
        return Err(Unfit::Redirect(status));
    }
    if status == StatusCode::UNAUTHORIZED || status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
        return Err(Unfit::Challenge(status));
    }
    if status.is_informational() {
        return Err(Unfit::Informational(status));
    }
    match headers.get_all(CONTENT_ENCODING).iter().find(|value| !is_unencoded(value)) {
        None => Ok(()),
        Some(value) => {
            let told = &value.as_bytes()[..value.len().min(MAX_TOLD)];
            Err(Unfit::Encoded(String::from_utf8_lossy(told).into_owned()))
        }
    }
}

/// Names are told apart without regard to case, and `identity` is no coding (RFC 9110 §8.4.1). Some servers say
/// `none`, or nothing, and mean the same.
fn is_unencoded(value: &HeaderValue) -> bool {
    value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii).all(|coding| {
        coding.is_empty() || coding.eq_ignore_ascii_case(b"identity") || coding.eq_ignore_ascii_case(b"none")
    })
}

/// The client keeps the id that it has as long as the upstream does.
fn seal(id: &HeaderValue, session: Option<&OpenedSession>, admission: &Admission) -> Option<HeaderValue> {
    match session {
        Some(session) if session.upstream == *id => Some(session.sealed.clone()),
        Some(_) | None => admission.door.sessions.seal(id, &admission.server, &admission.principal),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn redirects_challenges_and_encoded_bodies_do_not_pass() {
        let none = HeaderMap::new();
        for status in [300, 301, 302, 303, 304, 307, 308] {
            let told = judge(StatusCode::from_u16(status).unwrap(), &none).unwrap_err();
            assert_eq!(told.fault(), UpstreamFault::Redirected);
        }
        let told = judge(StatusCode::UNAUTHORIZED, &none).unwrap_err();
        assert_eq!(told.fault(), UpstreamFault::WantsCredentials);
        for encoded in ["gzip", "identity, gzip", "GZIP", "identity;q=1", "none none", "br,"] {
            let told = judge(StatusCode::OK, &headers(CONTENT_ENCODING, encoded)).unwrap_err();
            assert_eq!(told, Unfit::Encoded(encoded.to_owned()));
        }
        for plain in ["identity", "Identity", "identity, identity", "none", "None", "", " ", ",", "identity,"]
        {
            assert_eq!(judge(StatusCode::OK, &headers(CONTENT_ENCODING, plain)), Ok(()), "{plain:?}");
        }
        for status in [200, 202, 204, 400, 403, 404, 405, 406, 429, 500, 503] {
            assert_eq!(judge(StatusCode::from_u16(status).unwrap(), &none), Ok(()));
        }
    }
}
