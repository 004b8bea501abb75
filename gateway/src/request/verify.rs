//! `POST /api/v1/keys/verify`: another service asks whether a key is good, for a scope or a server. Answered
//! from memory.
//!
//! Whoever asks holds `keys:verify` and learns of its own organization's keys alone: another one's key and one
//! that does not exist get the same answer. An answer holds no free text. Errors are problem details
//! (RFC 9457).

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use events::key::{Environment, KeyOwner};
use events::slug::Slug;
use events::{KeyId, OrganizationId, ScopeSet, Timestamp};
use http::{Request, Response, StatusCode};
use http_body::Body as HttpBody;
use serde::{Deserialize, Serialize};

use super::caller::Invalid;
use super::credential::CredentialError;
use super::refusal::Refusal;
use super::{AuthenticationError, Caller, Door, body};

/// What is asked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question<'a> {
    /// The key, as it was presented.
    #[serde(borrow)]
    pub key: Cow<'a, str>,
    /// Scope tokens separated by spaces: is the key good for all of them?
    #[serde(default)]
    pub scope: Option<String>,
    /// A server's slug: does the key open it at all?
    #[serde(default)]
    pub server: Option<Slug>,
}

/// What a node says of a key.
#[derive(Debug, Serialize)]
pub struct Verdict {
    pub valid: bool,
    /// `valid`, `malformed`, `unknown`, `revoked`, `disabled`, `not_yet_valid`, `expired`,
    /// `organization_suspended`, `closed` or `insufficient_scope`.
    pub outcome: &'static str,
    /// Absent for a key that is malformed, unknown or another organization's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyFacts>,
}

/// What is known of a key of one's own.
#[derive(Debug, Serialize)]
pub struct KeyFacts {
    pub id: KeyId,
    /// Such as `kl_live`, with the last four characters.
    pub prefix: Arc<str>,
    pub last_four: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<OrganizationId>,
    pub owner: KeyOwner,
    pub environment: Environment,
    pub scopes: Arc<ScopeSet>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// A question's body is at most this long, in bytes.
const MAX_BODY: usize = 16 * 1024;

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the key that asks needs the scope keys:verify")]
    NotAllowed,
    #[error("the body is not a question: {0}")]
    Question(String),
}

impl Door {
    /// Answers a question about a key.
    pub async fn verify<B>(&self, request: Request<B>) -> Result<Verdict, VerifyError>
    where
        B: HttpBody<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.is_open()?;
        let asker = self.authenticator.authenticate(request.headers()).map_err(Refusal::from)?;
        if !asker.key.scopes.allows_verify() {
            return Err(VerifyError::NotAllowed);
        }
        let (head, body) = request.into_parts();
        body::is_json(&head.headers)?;
        let bounds = body::Bounds { max: MAX_BODY, ..self.body_bounds() };
        let body = body::read(body, bounds, &self.room).await?;
        if !body::is_object(&body) {
            return Err(VerifyError::Question("the body is a JSON object".to_owned()));
        }
        let question: Question<'_> =
            serde_json::from_slice(&body).map_err(|error| VerifyError::Question(told(&error)))?;
        let scopes = question.scope.as_deref().map(str::parse::<ScopeSet>).transpose();
        let scopes = scopes.map_err(|error| VerifyError::Question(error.to_string()))?;
        // The body took its time.
        self.gate.check().map_err(|_| Refusal::NotReady)?;
        let asker = self.authenticator.authenticate(&head.headers).map_err(Refusal::from)?;
        if !asker.key.scopes.allows_verify() {
            return Err(VerifyError::NotAllowed);
        }
        let verdict = self.verdict(&asker, &question, scopes.as_ref());
        metrics::counter!("keyledger_verifications_total", "outcome" => verdict.outcome).increment(1);
        Ok(verdict)
    }

    fn verdict(&self, asker: &Caller, question: &Question<'_>, scopes: Option<&ScopeSet>) -> Verdict {
        let unknown = |outcome| Verdict { valid: false, outcome, key: None };
        let caller = match self.authenticator.find(&question.key) {
            Ok(caller) if caller.key.owner == asker.key.owner => caller,
            Ok(_) => return unknown(AuthenticationError::Unknown.name()),
            Err(error) => return unknown(error.name()),
        };
        let covers = scopes.is_none_or(|wanted| wanted.iter().all(|scope| caller.key.scopes.covers(scope)))
            && question.server.as_ref().is_none_or(|server| caller.key.scopes.allows_server(server));
        let outcome = match caller.check(self.clock.now()) {
            Err(invalid) => invalid.name(),
            Ok(()) if covers => "valid",
            Ok(()) => "insufficient_scope",
        };
        Verdict { valid: outcome == "valid", outcome, key: Some(facts(&caller)) }
    }
}

fn facts(caller: &Caller) -> KeyFacts {
    let key = &caller.key;
    KeyFacts {
        id: key.id,
        prefix: Arc::clone(&key.prefix),
        last_four: key.last_four.to_string(),
        organization: key.owner.organization(),
        owner: key.key_owner.clone(),
        environment: key.environment,
        scopes: Arc::clone(&key.scopes),
        not_before: key.not_before,
        expires_at: key.expires_at,
    }
}

/// Where and what, without the text: it may hold the key.
fn told(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Data => "not the members that are expected: key, and scope or server",
        serde_json::error::Category::Syntax
        | serde_json::error::Category::Eof
        | serde_json::error::Category::Io => "not JSON",
    };
    format!("{what}, at line {} column {}", error.line(), error.column())
}

/// RFC 9457.
#[derive(Serialize)]
struct Problem<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    detail: String,
}

/// The answer as HTTP has it.
pub fn answer(result: Result<Verdict, VerifyError>, realm: &str) -> Response<Bytes> {
    use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
    let (status, media, body) = match &result {
        Ok(verdict) => (StatusCode::OK, "application/json", serde_json::to_vec(verdict)),
        Err(error) => {
            let (status, name) = face(error);
            let problem = Problem {
                kind: format!("urn:keyledger:problem:{}", name.replace('_', "-")),
                title: status.canonical_reason().unwrap_or_default(),
                status: status.as_u16(),
                detail: error.to_string(),
            };
            (status, "application/problem+json", serde_json::to_vec(&problem))
        }
    };
    let mut response = Response::new(body.map(Bytes::from).unwrap_or_default());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    let challenge = match &result {
        Err(VerifyError::NotAllowed) => Some(", error=\"insufficient_scope\", scope=\"keys:verify\""),
        Err(VerifyError::Refused(Refusal::Authentication(AuthenticationError::Credential(
            CredentialError::Missing,
        )))) => Some(""),
        Err(VerifyError::Refused(_)) if status == StatusCode::UNAUTHORIZED => {
            Some(", error=\"invalid_token\"")
        }
        Ok(_) | Err(VerifyError::Refused(_) | VerifyError::Question(_)) => None,
    };
    if let Some(challenge) = challenge
        && let Ok(value) = HeaderValue::from_str(&format!("Bearer realm=\"{realm}\"{challenge}"))
    {
        headers.insert(WWW_AUTHENTICATE, value);
    }
    response
}

impl VerifyError {
    /// Its name in metrics.
    pub fn name(&self) -> &'static str {
        face(self).1
    }
}

fn face(error: &VerifyError) -> (StatusCode, &'static str) {
    match error {
        VerifyError::NotAllowed => (StatusCode::FORBIDDEN, "insufficient_scope"),
        VerifyError::Question(_) => (StatusCode::BAD_REQUEST, "invalid_question"),
        VerifyError::Refused(refusal) => {
            let status = match refusal {
                Refusal::NotReady
                | Refusal::Full
                | Refusal::Authentication(AuthenticationError::Invalid(Invalid::Closed)) => {
                    StatusCode::SERVICE_UNAVAILABLE
                }
                Refusal::Authentication(AuthenticationError::Credential(CredentialError::Two)) => {
                    StatusCode::BAD_REQUEST
                }
                Refusal::Authentication(_) => StatusCode::UNAUTHORIZED,
                Refusal::Origin => StatusCode::FORBIDDEN,
                Refusal::ContentType | Refusal::ContentEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
                Refusal::BodyTooLong { .. } => StatusCode::PAYLOAD_TOO_LARGE,
                Refusal::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
                Refusal::BodyIncomplete | Refusal::UnexpectedBody => StatusCode::BAD_REQUEST,
                Refusal::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
                // Refusals of `/mcp` alone.
                Refusal::NotForMcp
                | Refusal::NoSuchServer
                | Refusal::ServerDisabled
                | Refusal::ServerClosed
                | Refusal::InsufficientScope { .. }
                | Refusal::Message(_)
                | Refusal::Mismatch(_)
                | Refusal::Unnamed(_)
                | Refusal::Session(_)
                | Refusal::Upstream(_)
                | Refusal::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            };
            (status, refusal.name())
        }
    }
}
