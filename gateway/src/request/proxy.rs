//! Passes one request on and its answer back. Everything was decided before; this keeps the two connections
//! honest.
//!
//! - The client's disconnect reaches the upstream at once, in both eras: whoever drops the answer drops the
//!   upstream's connection with it. The upstream judges what that means, as if the client had been connected
//!   to it: a cancellation from 2026-07-28 on, none before, where the client may resume with `Last-Event-ID`.
//! - A request is sent once. The upstream's status is kept; a redirect, a challenge or an encoded body can't
//!   be passed on and is 502, and so is what is no answer in place of the answer to a request. That is judged by how
//!   the body begins, and no body is parsed for it. An answer under another id than the request's is its client's to
//!   find: it waits by ids anyway.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use events::server::TimeoutMs;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::Full;

use super::admission::Admission;
use super::body::Body;
use super::call::Refused;
use super::forward;
use super::identity::audience;
use super::listens::Listens;
use super::lists::Lists;
use super::media::{Form, Media};
use super::owed::Owed;
use super::refusal::{Refusal, UpstreamFault};
use super::rewrite::{Rewrite, Rewriter};
use super::session::OpenedSession;
use super::stream::{Treatment, Watched};
use super::unfit::{self, Asked, Awaits, EMPTY, Holds, Unfit, Verdict};
use crate::mcp::Era;
use crate::mcp::header::SESSION_ID;
use crate::mcp::list::{self, ListFault};
use crate::problem::body::{self, BodyFault, Bounds};
use crate::telemetry::calls::{self, Call};
use crate::upstream::guard;
use crate::upstream::{Upstream, UpstreamBody, UpstreamError};

const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// What is done to the answer, by what was asked.
pub struct Handling {
    pub era: Era,
    pub awaits: Awaits,
    pub rewrite: Option<Rewrite>,
    pub listens: Option<Listens>,
}

/// Sends the request and turns the upstream's answer into the client's. When it asks to be asked again, that stands beside
/// what is told in its place.
pub async fn pass(
    upstream: &dyn Upstream,
    request: Request<Full<Bytes>>,
    admission: Admission,
    session: Option<&OpenedSession>,
    handling: Handling,
    call: &mut Call,
) -> Result<Response<Body>, Refused> {
    let answer = wait(upstream, request, &admission, call).await?;
    let retry_after = forward::retry_after(answer.headers(), admission.door.clock.now());
    let turned = turn(answer, admission, session, handling, call).await;
    turned.map_err(|refusal| Refused { retry_after, ..refusal.into() })
}

async fn turn(
    answer: Response<UpstreamBody>,
    admission: Admission,
    session: Option<&OpenedSession>,
    handling: Handling,
    call: &mut Call,
) -> Result<Response<Body>, Refusal> {
    let Handling { era, awaits, rewrite, listens } = handling;
    let (head, mut body) = answer.into_parts();
    let peer = body.peer();
    unfit::judge(head.status, &head.headers).map_err(|unfit| tell(&unfit, peer, &admission, call))?;
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
        let sealed =
            seal(id, session, &admission).ok_or_else(|| tell(&Unfit::Session, peer, &admission, call))?;
        down.insert(SESSION_ID, sealed);
    }
    let media = Media::of(&head.headers);
    let asked = Asked { era, awaits, in_session: session.is_some() };
    let holds = begun(&mut body, &media, head.status, &admission, call).await?;
    match unfit::verdict(head.status, media.form(), holds, asked) {
        Verdict::Passes => {}
        Verdict::Bare(fault) => {
            let why = unread(holds, &head.headers);
            match fault {
                Some(fault) => call.ends_as(fault.name(), Some(why)),
                // The protocol's own words for what was taken and for a stream that is not offered need none beside.
                None if matches!(head.status, StatusCode::ACCEPTED | StatusCode::METHOD_NOT_ALLOWED) => {}
                None => call.know(|record| record.cause = Some(why)),
            }
            down.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            return Ok(response);
        }
        Verdict::Instead(refusal) => {
            explain_refusal(&refusal, holds, &head.headers, head.status, call);
            return Err(refusal);
        }
    }
    let owed = |form| Owed::new(form, era, holds == Holds::Unknown, awaits == Awaits::Message);
    if let Some(content_type) = media.content_type() {
        down.insert(CONTENT_TYPE, content_type);
    }
    match media {
        // The framing is kept: an empty body stays one.
        Media::Events => {
            down.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
            down.insert(CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
            let rewriter = rewrite.map(|rewrite| Rewriter::new(rewrite, true));
            let treatment = Treatment { rewriter, listens, ..Treatment::of(owed(Form::Events)) };
            *response.body_mut() = watched(body, admission, treatment)?;
        }
        Media::Json(_) => {
            down.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            let treatment = Treatment::of(owed(Form::Document));
            *response.body_mut() = match rewrite {
                Some(Rewrite::Lists(lists)) => {
                    let (shown, is_dropped) = listed(body, &lists, admission, treatment, call).await?;
                    // What an upstream that refuses says beside the protocol is left out; its status stands.
                    if is_dropped && head.status.is_success() {
                        return Err(UpstreamFault::List.into());
                    }
                    shown
                }
                Some(Rewrite::Tasks(naming)) => {
                    let rewriter = Some(Rewriter::new(Rewrite::Tasks(naming), false));
                    watched(body, admission, Treatment { rewriter, ..treatment })?
                }
                None => document(body, admission, treatment, call).await?,
            };
        }
        // There is none.
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
    call: &mut Call,
) -> Result<Response<UpstreamBody>, Refusal> {
    call.asks();
    let answer = in_time(upstream, request, admission, call).await;
    call.heard();
    answer
}

async fn in_time(
    upstream: &dyn Upstream,
    request: Request<Full<Bytes>>,
    admission: &Admission,
    call: &mut Call,
) -> Result<Response<UpstreamBody>, Refusal> {
    let settings = &admission.door.settings;
    let patience = admission.server.settings.response_timeout_ms.map(TimeoutMs::duration);
    let patience = patience.unwrap_or(settings.response_timeout);
    match within(patience, admission, upstream.send(&admission.server, request)).await? {
        Some(Ok(answer)) => Ok(answer),
        Some(Err(error)) => Err(explain(&error, call).into()),
        None => Err(late("it did not answer", patience, call)),
    }
}

/// Waits for so long, and no longer than the caller may have what comes; `None`: nothing has.
async fn within<T>(
    patience: Duration,
    admission: &Admission,
    waited: impl Future<Output = T>,
) -> Result<Option<T>, Refusal> {
    let mut waited = std::pin::pin!(waited);
    let mut left = patience;
    while !left.is_zero() {
        let pause = left.min(admission.door.settings.recheck_every);
        match tokio::time::timeout(pause, waited.as_mut()).await {
            Ok(came) => return Ok(Some(came)),
            Err(_) => admission.look()?,
        }
        left = left.saturating_sub(pause);
    }
    Ok(None)
}

fn late(what: &str, patience: Duration, call: &mut Call) -> Refusal {
    let cause = format!("{what} within {} ms", patience.as_millis());
    call.know(|record| record.cause = Some(cause.into()));
    UpstreamFault::Timeout.into()
}

/// What the answer holds, by its first piece, which is waited for: with the head alone a client can do nothing, be it of a
/// document or of a refusal. An event stream's head goes down at once.
async fn begun(
    body: &mut UpstreamBody,
    media: &Media,
    status: StatusCode,
    admission: &Admission,
    call: &mut Call,
) -> Result<Holds, Refusal> {
    let goes_at_once = status.is_success() && *media == Media::Events;
    if !poll_fn(|cx| Poll::Ready(body.poll_begun(cx).is_ready())).await && !goes_at_once {
        let patience = patience(admission);
        call.asks();
        let begun = within(patience, admission, poll_fn(|cx| body.poll_begun(cx))).await;
        call.heard();
        if begun?.is_none() {
            return Err(late("its answer's body did not begin", patience, call));
        }
    }
    Ok(Holds::of(media, body.first()))
}

/// The client is told the kind alone; the reason, which may name addresses, stands in the log.
fn explain(error: &UpstreamError, call: &mut Call) -> UpstreamFault {
    call.know(|record| record.cause = Some(error.to_string().into()));
    match error {
        UpstreamError::AddressRefused { refused: guard::Refused::Closed { .. }, .. } => {
            UpstreamFault::AddressRefused
        }
        UpstreamError::AddressRefused { refused: guard::Refused::Plain { .. }, .. } => {
            UpstreamFault::PlainHttp
        }
        UpstreamError::Name(_) | UpstreamError::Connect(_) => UpstreamFault::Unreachable,
        UpstreamError::ConnectTimeout { .. } => UpstreamFault::Timeout,
        UpstreamError::Tls { .. } | UpstreamError::Trust(_) => UpstreamFault::Untrusted,
        UpstreamError::Broken(_) => UpstreamFault::Broken,
    }
}

/// The cause and the address stand in the log; the client is told the kind alone.
fn tell(unfit: &Unfit, peer: Option<SocketAddr>, admission: &Admission, call: &mut Call) -> UpstreamFault {
    let at = peer.map_or_else(String::new, |peer| format!(" at {peer}"));
    let advice = match unfit {
        Unfit::Challenge(_) => format!("; it is sent a token for {}", audience(admission.server.id)),
        Unfit::Redirect(_)
        | Unfit::Failed(_)
        | Unfit::Encoded(_)
        | Unfit::Informational(_)
        | Unfit::Session => String::new(),
    };
    let cause = format!("the answer of the server{at} can't be passed on: {unfit}{advice}");
    call.know(|record| record.cause = Some(cause.into()));
    unfit.fault()
}

/// The client keeps the id that it has as long as the upstream does.
fn seal(id: &HeaderValue, session: Option<&OpenedSession>, admission: &Admission) -> Option<HeaderValue> {
    match session {
        Some(session) if session.upstream == *id => Some(session.sealed.clone()),
        Some(_) | None => admission.door.sessions.seal(id, &admission.server, &admission.principal),
    }
}

/// Of a body that does not pass.
fn foreign(headers: &HeaderMap) -> Box<str> {
    let found = headers.get(CONTENT_TYPE).and_then(|found| found.to_str().ok()).unwrap_or("of no type");
    let found = calls::short(found, unfit::MAX_TOLD);
    format!("its answer is neither JSON nor an event stream, but {found:?}: its body is dropped").into()
}

/// Why there is nothing to read, for the log.
fn unread(holds: Holds, headers: &HeaderMap) -> Box<str> {
    match holds {
        Holds::Foreign => foreign(headers),
        Holds::Mislabelled(form, byte) => unfit::mislabelled(form, byte).into(),
        Holds::Nothing => EMPTY.into(),
        // Nobody who asks for a stream can read it.
        Holds::Words | Holds::Unknown => "its answer to GET is JSON, and no event stream".into(),
    }
}

/// That clients know by a status alone is no fault, unless something else stands in place of words.
fn explain_refusal(
    refusal: &Refusal,
    holds: Holds,
    headers: &HeaderMap,
    status: StatusCode,
    call: &mut Call,
) {
    let why = unread(holds, headers);
    let cause = if let Refusal::Upstream(UpstreamFault::Failed(_)) = refusal {
        format!("it answered {status}, and {why}").into()
    } else if holds != Holds::Nothing || matches!(refusal, Refusal::Upstream(_)) {
        why
    } else {
        return;
    };
    call.know(|record| record.cause = Some(cause));
}

/// What is there already needs no watch.
async fn document(
    mut body: UpstreamBody,
    admission: Admission,
    treatment: Treatment,
    call: &mut Call,
) -> Result<Body, Refusal> {
    match body.whole().await {
        Some(whole) if treatment.owed.is_owed() && whole.trim_ascii().is_empty() => {
            call.know(|record| record.cause = Some(EMPTY.into()));
            Err(UpstreamFault::NoAnswer.into())
        }
        Some(whole) => Ok(whole.into()),
        None => watched(body, admission, treatment),
    }
}

/// A document that may hold a list, read whole before its head goes down; and whether all of it is left out.
async fn listed(
    body: UpstreamBody,
    lists: &Lists,
    admission: Admission,
    treatment: Treatment,
    call: &mut Call,
) -> Result<(Body, bool), Refusal> {
    if lists.hides_nothing(admission.principal.scopes(), &admission.server.slug) {
        return Ok((document(body, admission, treatment, call).await?, false));
    }
    let bounds = Bounds { max: list::MAX_BYTES, timeout: patience(&admission) };
    call.asks();
    let whole = body::read(body, bounds, &admission.door.room, admission.principal.whose()).await;
    call.heard();
    // As its scopes are now.
    let admission = admission.renew()?;
    let shown = match whole {
        Ok(whole) if treatment.owed.is_owed() && whole.trim_ascii().is_empty() => {
            call.know(|record| record.cause = Some(EMPTY.into()));
            return Err(UpstreamFault::NoAnswer.into());
        }
        Ok(whole) if whole.is_empty() => return Ok((Body::Empty, false)),
        Ok(whole) => lists
            .show(&whole, admission.principal.scopes(), &admission.server.slug)
            .map(|shown| shown.map_or(whole, Bytes::from)),
        Err(BodyFault::TooLong { .. }) => Err(ListFault::TooLong),
        Err(fault @ (BodyFault::Full | BodyFault::ShareFull)) => return Err(fault.into()),
        Err(BodyFault::Timeout) => {
            return Err(late("its list did not come", bounds.timeout, call));
        }
        Err(BodyFault::Incomplete | BodyFault::ContentType | BodyFault::ContentEncoding) => {
            call.know(|record| record.cause = Some("its list broke off".into()));
            return Err(UpstreamFault::Broken.into());
        }
    };
    match shown {
        Ok(shown) => Ok((shown.into(), false)),
        Err(fault) => {
            call.know(|record| record.cause = Some(fault.cause().into()));
            Ok((Body::Empty, true))
        }
    }
}

/// A body that takes its time. Who lost the right to it while the upstream worked is refused in words now: once the
/// head is on its way the connection can only be cut.
fn watched(body: UpstreamBody, admission: Admission, treatment: Treatment) -> Result<Body, Refusal> {
    if body.is_end_stream() {
        return Ok(Body::Empty);
    }
    let admission = admission.renew()?;
    let treatment = Treatment { patience: patience(&admission), ..treatment };
    Ok(Body::Stream(Box::new(Watched::new(body, admission, treatment))))
}

/// Between two pieces of a body that is no event stream.
fn patience(admission: &Admission) -> Duration {
    let own = admission.server.settings.idle_timeout_ms.map(TimeoutMs::duration);
    own.unwrap_or(admission.door.settings.body_idle_timeout)
}
