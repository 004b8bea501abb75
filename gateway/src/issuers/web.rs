//! HTTP to issuers: by the client and the guard that upstreams have, each question on a connection of its own, bounded in
//! time and size, no redirect followed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use events::{OrganizationId, Owner};
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use serde_json::Value;
use url::Url;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::upstream::guard::Refused;
use crate::upstream::{HyperUpstream, OUR_USER_AGENT, Target, UpstreamError};

/// For a whole question and its answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Of an answer so much is read, in bytes.
const LONGEST: usize = 512 * 1024;

pub(super) struct Web {
    upstream: HyperUpstream,
    /// No question shares a connection, nor what was agreed on for one, with another.
    asked: AtomicU64,
}

/// An answer, whatever its status.
pub(super) struct Answer {
    pub status: StatusCode,
    pub location: Option<String>,
    pub body: Bytes,
}

/// Why there is no answer that can be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WebError {
    #[error("{0} is {1}; `issuers.allow` can open its network")]
    Closed(std::net::IpAddr, &'static str),
    #[error("{0} is off this machine, and the URL is http://")]
    Plain(std::net::IpAddr),
    #[error("no answer within {} s", TIMEOUT.as_secs())]
    Timeout,
    #[error("{0}")]
    Unreachable(String),
    #[error("the answer is longer than {LONGEST} bytes")]
    Long,
    #[error(
        "it answers with a redirect ({0}), which is not followed: configure the address that it leads to"
    )]
    Redirect(u16),
    #[error("it answers with the status {0}")]
    Status(u16),
    #[error("the answer is no JSON object: {0}")]
    NoJson(String),
}

impl Web {
    pub fn new(upstream: HyperUpstream) -> Self {
        Self { upstream, asked: AtomicU64::new(0) }
    }

    /// What the issuer says at this address: a JSON object.
    pub async fn get(&self, owner: Owner, url: &Url) -> Result<Value, WebError> {
        self.ask(owner, url, request(Bytes::new())).await?.good()?.json()
    }

    /// The same with a bearer token (RFC 6750 §2.1).
    pub async fn get_with(&self, owner: Owner, url: &Url, token: &str) -> Result<Value, WebError> {
        let mut request = request(Bytes::new());
        request.headers_mut().insert(AUTHORIZATION, secret(&format!("Bearer {token}"))?);
        self.ask(owner, url, request).await?.good()?.json()
    }

    /// What it answers to a browser.
    pub async fn look(&self, owner: Owner, url: &Url) -> Result<Answer, WebError> {
        self.ask(owner, url, request(Bytes::new())).await
    }

    /// Sends a form, which may hold secrets; `authorization` is the whole header.
    pub async fn post(
        &self,
        owner: Owner,
        url: &Url,
        form: Zeroizing<String>,
        authorization: Option<&str>,
    ) -> Result<Answer, WebError> {
        let mut request = request(Bytes::copy_from_slice(form.as_bytes()));
        *request.method_mut() = Method::POST;
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        if let Some(value) = authorization {
            headers.insert(AUTHORIZATION, secret(value)?);
        }
        self.ask(owner, url, request).await
    }

    async fn ask(&self, owner: Owner, url: &Url, request: Request<Full<Bytes>>) -> Result<Answer, WebError> {
        let target = Target {
            id: Uuid::nil(),
            generation: self.asked.fetch_add(1, Ordering::Relaxed),
            organization: owner.organization().unwrap_or(OrganizationId::new(Uuid::nil())),
            url,
            ca: None,
        };
        let answered = async {
            let answer = Box::pin(self.upstream.call(&target, request)).await.map_err(broken)?;
            let (parts, body) = answer.into_parts();
            let body = Limited::new(body, LONGEST).collect().await;
            let body = body.map_err(|error| match error.downcast::<UpstreamError>() {
                Ok(error) => broken(*error),
                Err(_) => WebError::Long,
            })?;
            let location = parts.headers.get(http::header::LOCATION).and_then(|value| value.to_str().ok());
            Ok(Answer { status: parts.status, location: location.map(str::to_owned), body: body.to_bytes() })
        };
        tokio::time::timeout(TIMEOUT, answered).await.unwrap_or(Err(WebError::Timeout))
    }
}

impl Answer {
    fn good(self) -> Result<Self, WebError> {
        match self.status {
            status if status.is_success() => Ok(self),
            status if status.is_redirection() => Err(WebError::Redirect(status.as_u16())),
            status => Err(WebError::Status(status.as_u16())),
        }
    }

    pub fn json(&self) -> Result<Value, WebError> {
        match serde_json::from_slice(&self.body) {
            Ok(value @ Value::Object(_)) => Ok(value),
            Ok(_) => Err(WebError::NoJson("it is something else".to_owned())),
            Err(error) => Err(WebError::NoJson(error.to_string())),
        }
    }
}

fn request(body: Bytes) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(body));
    let headers = request.headers_mut();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(USER_AGENT, OUR_USER_AGENT);
    request
}

fn secret(value: &str) -> Result<HeaderValue, WebError> {
    let mut value = HeaderValue::try_from(value)
        .map_err(|_| WebError::Unreachable("a credential that no header can hold".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

fn broken(error: UpstreamError) -> WebError {
    match error {
        UpstreamError::AddressRefused { refused: Refused::Closed { address, what }, .. } => {
            WebError::Closed(address, what)
        }
        UpstreamError::AddressRefused { refused: Refused::Plain { address }, .. } => WebError::Plain(address),
        UpstreamError::ConnectTimeout { .. } => WebError::Timeout,
        UpstreamError::Name(_)
        | UpstreamError::Connect(_)
        | UpstreamError::Tls { .. }
        | UpstreamError::Trust(_)
        | UpstreamError::Broken(_) => {
            // They are worded for upstreams.
            WebError::Unreachable(error.to_string().replace("the upstream", "the issuer"))
        }
    }
}
