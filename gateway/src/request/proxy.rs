//! Passes one request on and its answer back. Everything was decided before; this keeps the two connections
//! honest.
//!
//! - The client's disconnect reaches the upstream at once, in both eras: whoever drops the answer drops the
//!   upstream's connection with it. The upstream judges what that means, as if the client had been connected
//!   to it: a cancellation from 2026-07-28 on, none before, where the client may resume with `Last-Event-ID`.
//! - A request is sent once. The upstream's status is kept; a redirect, a challenge or an encoded body can't
//!   be passed on and is 502.

use bytes::Bytes;
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
    let (head, body) = answer.into_parts();
    judge(head.status, &head.headers)?;
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
        down.insert(SESSION_ID, seal(id, session, &admission)?);
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
            *response.body_mut() = watched(body, admission, false, naming);
        }
        Media::Other => {
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
    let mut sending = std::pin::pin!(upstream.send(request));
    let mut left = settings.response_timeout;
    while !left.is_zero() {
        let pause = left.min(settings.recheck_every);
        match tokio::time::timeout(pause, sending.as_mut()).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => return Err(explain(&error, admission).into()),
            Err(_) => admission.look()?,
        }
        left = left.saturating_sub(pause);
    }
    Err(UpstreamFault::Timeout.into())
}

/// The client is told the kind alone; the reason, which may name addresses, stands in the log.
fn explain(error: &UpstreamError, admission: &Admission) -> UpstreamFault {
    tracing::warn!(server = %admission.server.id, organization = %admission.server.organization, %error,
        "an upstream could not be called");
    match error {
        UpstreamError::AddressRefused(_) => UpstreamFault::AddressRefused,
        UpstreamError::Connect(_) => UpstreamFault::Unreachable,
        UpstreamError::ConnectTimeout(_) => UpstreamFault::Timeout,
        UpstreamError::Broken(_) => UpstreamFault::Broken,
    }
}

fn judge(status: StatusCode, headers: &HeaderMap) -> Result<(), UpstreamFault> {
    if status.is_redirection() {
        return Err(UpstreamFault::Redirected);
    }
    if status == StatusCode::UNAUTHORIZED || status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
        return Err(UpstreamFault::WantsCredentials);
    }
    let encoded = headers.get_all(CONTENT_ENCODING).iter().any(|coding| coding != "identity");
    if encoded || status.is_informational() {
        return Err(UpstreamFault::BadAnswer);
    }
    Ok(())
}

/// The client keeps the id that it has as long as the upstream does.
fn seal(
    id: &HeaderValue,
    session: Option<&OpenedSession>,
    admission: &Admission,
) -> Result<HeaderValue, UpstreamFault> {
    match session {
        Some(session) if session.upstream == *id => Ok(session.sealed.clone()),
        Some(_) | None => admission
            .door
            .sessions
            .seal(id, &admission.server, &admission.principal)
            .ok_or(UpstreamFault::BadAnswer),
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
    let patience = admission.door.settings.body_idle_timeout;
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
            assert_eq!(judge(StatusCode::from_u16(status).unwrap(), &none), Err(UpstreamFault::Redirected));
        }
        assert_eq!(judge(StatusCode::UNAUTHORIZED, &none), Err(UpstreamFault::WantsCredentials));
        let encoded = headers(CONTENT_ENCODING, "gzip");
        assert_eq!(judge(StatusCode::OK, &encoded), Err(UpstreamFault::BadAnswer));
        for status in [200, 202, 204, 400, 403, 404, 405, 406, 429, 500, 503] {
            assert_eq!(judge(StatusCode::from_u16(status).unwrap(), &none), Ok(()));
        }
    }
}
