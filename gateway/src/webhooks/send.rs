//! One attempt.

use std::time::{Duration, Instant};

use bytes::Bytes;
use events::OrganizationId;
use http::header::{ACCEPT_ENCODING, CONTENT_TYPE, HeaderValue, RETRY_AFTER, USER_AGENT};
use http::{HeaderName, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use projections::postgres::delivery::{Attempt, Delivery, Then};
use uuid::Uuid;

use super::backoff::pause;
use super::{Sender, message};
use crate::outgoing::retry_after;
use crate::upstream::{OUR_USER_AGENT, Target, UpstreamBody, UpstreamError};

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// So much of an answer is read, so that its connection can carry the next request.
const READ: usize = 16 * 1024;
const READ_WITHIN: Duration = Duration::from_secs(1);

/// Why nothing was sent, or nothing came.
enum Failed {
    /// The history has no such event any more.
    EventGone,
    /// The vault does not answer, or does not have it.
    Secret,
    Request,
    Timeout,
    Upstream(UpstreamError),
}

impl Failed {
    /// Without anything of the URL.
    fn name(&self) -> &'static str {
        match self {
            Self::EventGone => "event_gone",
            Self::Secret => "secret_unavailable",
            Self::Request => "request",
            Self::Timeout | Self::Upstream(UpstreamError::ConnectTimeout { .. }) => "timeout",
            Self::Upstream(UpstreamError::AddressRefused { .. }) => "address_refused",
            Self::Upstream(UpstreamError::Name(_)) => "name",
            Self::Upstream(UpstreamError::Connect(_)) => "connect",
            Self::Upstream(UpstreamError::Tls { .. } | UpstreamError::Trust(_)) => "tls",
            Self::Upstream(UpstreamError::Broken(_)) => "broken",
        }
    }
}

impl Sender {
    pub(super) async fn attempt(&self, delivery: &Delivery) -> Attempt {
        let begun = self.clock.instant();
        match self.call(delivery).await {
            Ok(answer) => self.judge(delivery, answer, begun).await,
            Err(failed) => {
                let then = match failed {
                    Failed::EventGone => Then::Dead,
                    Failed::Secret | Failed::Request | Failed::Timeout | Failed::Upstream(_) => {
                        self.again(delivery, None)
                    }
                };
                Attempt { status: None, took: self.since(begun), error: Some(failed.name()), then }
            }
        }
    }

    async fn judge(&self, delivery: &Delivery, answer: Response<UpstreamBody>, begun: Instant) -> Attempt {
        let (took, status) = (self.since(begun), answer.status());
        let asked = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let asked = asked.and_then(|value| retry_after(value, self.clock.now()));
        let (then, error) = match status {
            status if status.is_success() => (Then::Delivered, None),
            StatusCode::GONE => (Then::Stop, Some("gone")),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                (self.again(delivery, asked), Some("status"))
            }
            // Redirects as well: a signed event goes nowhere but to its URL.
            _ => (self.again(delivery, None), Some("status")),
        };
        // What it says is nobody's matter: it is read so that the connection lives on, and dropped.
        let body = Limited::new(answer.into_body(), READ).collect();
        let _ = tokio::time::timeout(READ_WITHIN, body).await;
        Attempt { status: Some(status.as_u16()), took, error, then }
    }

    fn again(&self, delivery: &Delivery, asked: Option<Duration>) -> Then {
        let next = pause(&self.settings.retry_seconds, delivery.attempts, asked, &*self.random);
        next.map_or(Then::Dead, Then::Retry)
    }

    fn since(&self, begun: Instant) -> Duration {
        self.clock.instant().saturating_duration_since(begun)
    }

    async fn call(&self, delivery: &Delivery) -> Result<Response<UpstreamBody>, Failed> {
        let body = message::body(delivery).ok_or(Failed::EventGone)?;
        let request = self.request(delivery, body).await?;
        let organization = delivery.owner.organization();
        let target = Target {
            id: delivery.webhook.uuid(),
            organization: organization.unwrap_or(OrganizationId::new(Uuid::nil())),
            url: delivery.url.url(),
            ca: None,
            generation: delivery.changed,
        };
        let sent = tokio::time::timeout(self.settings.timeout(), self.upstream.call(&target, request));
        sent.await.map_err(|_| Failed::Timeout)?.map_err(Failed::Upstream)
    }

    async fn request(&self, delivery: &Delivery, body: Bytes) -> Result<Request<Full<Bytes>>, Failed> {
        let seconds = self.clock.now().unix_millis().div_euclid(1_000);
        let id = delivery.message.to_string();
        let mut signatures = Vec::new();
        let secret = |id| async move { self.secrets.get(id).await.map_err(|_| Failed::Secret) };
        let newest = secret(delivery.secret).await?.ok_or(Failed::Secret)?;
        signatures.push(newest.sign(&id, seconds, &body));
        if let Some(previous) = delivery.previous
            && let Some(previous) = secret(previous).await?
        {
            signatures.push(previous.sign(&id, seconds, &body));
        }
        let value = |text: String| HeaderValue::try_from(text).map_err(|_| Failed::Request);
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/cloudevents+json; charset=utf-8"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(USER_AGENT, OUR_USER_AGENT);
        headers.insert(ID, value(id)?);
        headers.insert(TIMESTAMP, value(seconds.to_string())?);
        headers.insert(SIGNATURE, value(signatures.join(" "))?);
        Ok(request)
    }
}
