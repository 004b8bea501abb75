//! One call at `/mcp/{organization}/{server}`: what is known of it before its body, its message, its admission, and
//! then the proxy.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::USER_AGENT;
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body::Body as HttpBody;
use http_body_util::Full;
use projections::directory::ServerEntry;
use serde_json::value::RawValue;

use super::admission::Admission;
use super::arrivals::Arrival;
use super::body::Body;
use super::listens::Listens;
use super::lists::Lists;
use super::principal::Principal;
use super::proxy::Handling;
use super::refusal::Refusal;
use super::resource::Address;
use super::rewrite::Rewrite;
use super::tasks::Tasked;
use super::unfit::Awaits;
use super::{Door, authorize, forward, proxy};
use crate::mcp::{self, Era, Message, Needs, Shape, header};
use crate::problem::body;
use crate::telemetry::calls::{self, Call};
use crate::upstream::Upstream;

/// Of a method and of a tool, what is told in bytes.
const MAX_NAME: usize = 128;

/// A refusal, and the id of the request that it answers once that is read.
pub struct Refused {
    pub refusal: Refusal,
    pub id: Option<Box<RawValue>>,
    /// What the upstream, in place of whose answer it stands, asked to wait for.
    pub retry_after: Option<Duration>,
}

impl<R: Into<Refusal>> From<R> for Refused {
    fn from(refusal: R) -> Self {
        Self { refusal: refusal.into(), id: None, retry_after: None }
    }
}

/// What was found out about a call before its body.
struct Known {
    principal: Principal,
    server: Arc<ServerEntry>,
}

/// What came of a message that may pass.
struct Judged {
    admission: Admission,
    /// What goes up in place of the body.
    renamed: Option<Bytes>,
    handling: Handling,
}

impl Door {
    /// Answers a call, or says why not.
    pub async fn call<B>(
        self: &Arc<Self>,
        upstream: &dyn Upstream,
        address: &Address,
        request: Request<B>,
        request_id: &HeaderValue,
        call: &mut Call,
    ) -> Result<Response<Body>, Refused>
    where
        B: HttpBody<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.is_open()?;
        let principal = self.authenticator.admit(request.headers(), address).inspect_err(|error| {
            let peer = call.peer();
            self.turned_away(*error, address, Arrival { peer, headers: request.headers() });
        });
        let principal = principal.map_err(Refusal::from)?;
        call.know(|record| {
            record.principal = Some(principal.id().actor());
            record.organization = principal.organization().cloned();
        });
        let server = authorize::server(&self.directory, &principal, &address.organization, &address.server);
        let server = server.inspect_err(|_| {
            call.know(|record| record.asked = Some(address.server.clone()));
        })?;
        call.know(|record| record.server = Some(Arc::clone(&server)));
        let known = Known { principal, server };
        match *request.method() {
            Method::POST => self.post(upstream, known, request, request_id, call).await,
            Method::GET | Method::DELETE => {
                self.without_message(upstream, known, request, request_id, call).await
            }
            _ => Err(Refusal::Method { allow: "POST, GET, DELETE, OPTIONS" }.into()),
        }
    }

    async fn post<B>(
        self: &Arc<Self>,
        upstream: &dyn Upstream,
        known: Known,
        request: Request<B>,
        request_id: &HeaderValue,
        call: &mut Call,
    ) -> Result<Response<Body>, Refused>
    where
        B: HttpBody<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (mut head, body) = request.into_parts();
        body::is_json(&head.headers).map_err(Refusal::from)?;
        let whose = known.principal.whose();
        let body = body::read(body, self.body_bounds(), &self.room, whose).await.map_err(Refusal::from)?;
        let message = Message::parse(&body).map_err(Refusal::from)?;
        call.know(|record| {
            record.bytes_in = body.len() as u64;
            record.method = Some(calls::short(&message.method, MAX_NAME));
            if message.method == "tools/call" {
                record.tool = message.params.name.text().map(|name| calls::short(name, MAX_NAME));
            }
        });
        // From here on the answer repeats the request's id. It is kept apart: the body goes once it is written.
        let id = (message.shape == Shape::Request).then(|| message.id.map(ToOwned::to_owned)).flatten();
        let passed = match self.judge(known, &mut head.headers, &message, &body, request_id) {
            Ok(Judged { admission, renamed, handling }) => {
                let request = Request::from_parts(head, renamed.unwrap_or(body));
                self.pass(upstream, admission, request, handling, call).await
            }
            Err(refusal) => Err(refusal.into()),
        };
        passed.map_err(|refused| Refused { id, ..refused })
    }

    fn judge(
        self: &Arc<Self>,
        known: Known,
        headers: &mut HeaderMap,
        message: &Message<'_>,
        body: &Bytes,
        request_id: &HeaderValue,
    ) -> Result<Judged, Refusal> {
        let era = header::agree(headers, message)?;
        let needs = mcp::needs(message)?;
        let Known { principal, server } = &known;
        let Tasked { needs, body: renamed, naming } =
            self.tasks.judge(message, needs, body, headers, server, principal)?;
        let endless = message.method == "subscriptions/listen";
        let admission = self.admission(known, needs, endless, request_id)?;
        tracing::debug!(request_id = ?request_id, method = %message.method, ?era, principal = %admission.principal.id(), "a call passes");
        let lists = Lists::asked_for(message, era).map(Rewrite::Lists);
        let rewrite = naming.map(|naming| Rewrite::Tasks(Box::new(naming))).or(lists);
        let listens = Listens::asked_for(message);
        let awaits = if message.shape == Shape::Request { Awaits::Message } else { Awaits::Acceptance };
        Ok(Judged { admission, renamed, handling: Handling { era, awaits, rewrite, listens } })
    }

    /// GET opens the server's stream of a session or resumes one; DELETE ends a session. Neither is there any
    /// more from 2026-07-28 on.
    async fn without_message<B: HttpBody<Data = Bytes>>(
        self: &Arc<Self>,
        upstream: &dyn Upstream,
        known: Known,
        request: Request<B>,
        request_id: &HeaderValue,
        call: &mut Call,
    ) -> Result<Response<Body>, Refused> {
        let (head, body) = request.into_parts();
        if !body::is_none(body, self.settings.body_timeout).await {
            return Err(Refusal::UnexpectedBody.into());
        }
        match header::era_without_body(&head.headers).map_err(Refusal::from)? {
            Era::Stateless => Err(Refusal::Method { allow: "POST, OPTIONS" }.into()),
            era @ Era::Sessions => {
                let listens = head.method == Method::GET;
                let admission = self.admission(known, Needs::Server, listens, request_id)?;
                let request = Request::from_parts(head, Bytes::new());
                let rewrite = listens.then(|| Rewrite::Lists(Lists::of_stream()));
                let listens = listens.then(Listens::of_stream);
                let awaits = if listens.is_some() { Awaits::Stream } else { Awaits::Nothing };
                let handling = Handling { era, awaits, rewrite, listens };
                self.pass(upstream, admission, request, handling, call).await
            }
        }
    }

    /// Asks the list of checks, now that all is known: the body took its time, and what was so before it may not
    /// be so any more.
    fn admission(
        self: &Arc<Self>,
        known: Known,
        needs: Needs<'static>,
        endless: bool,
        request_id: &HeaderValue,
    ) -> Result<Admission, Refusal> {
        let Known { principal, server } = known;
        let (request_id, id) = (request_id.clone(), principal.id());
        let admission = Admission { door: Arc::clone(self), principal, server, needs, request_id, endless };
        let admitted = admission.renew();
        match &admitted {
            Ok(admission) => self.came_in(&admission.principal),
            Err(refusal) => self.refused(id, refusal),
        }
        admitted
    }

    async fn pass(
        self: &Arc<Self>,
        upstream: &dyn Upstream,
        admission: Admission,
        request: Request<Bytes>,
        handling: Handling,
        call: &mut Call,
    ) -> Result<Response<Body>, Refused> {
        let era = handling.era;
        let (principal, server) = (&admission.principal, &admission.server);
        let session = match era {
            Era::Sessions => self.sessions.open(request.headers(), server, principal)?,
            Era::Stateless => None,
        };
        let route = self.routes.find(principal, server, self.clock.now())?;
        let (head, body) = request.into_parts();
        let body = Full::new(body);
        let mut up = forward::request(
            head.method,
            &head.headers,
            body,
            &route,
            session.as_ref(),
            era,
            &admission.request_id,
        );
        let agent = forward::user_agent(&head.headers, self.settings.user_agent);
        up.headers_mut().insert(USER_AGENT, agent);
        // Whoever opens a stream waits for nothing in particular.
        if handling.awaits != Awaits::Stream {
            call.awaited();
        }
        proxy::pass(upstream, up, admission, session.as_ref(), handling, call).await
    }
}
