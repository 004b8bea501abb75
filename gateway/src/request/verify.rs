//! `POST /api/v1/keys/verify`: another service asks whether a key, or an access token of ours, is good, for a scope or a
//! server. Answered from memory.
//!
//! Whoever asks holds `keys:verify` and learns of its own organization's keys and grants alone: another one's key and one
//! that does not exist get the same answer. An answer holds no free text. Errors are problem details
//! (RFC 9457).

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use events::key::{Environment, KeyOwner};
use events::scope::ScopeListError;
use events::slug::Slug;
use events::{GrantId, KeyId, OrganizationId, ScopeSet, Timestamp};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use http::{Request, Response};
use http_body::Body as HttpBody;
use projections::directory::KeyEntry;
use serde::{Deserialize, Serialize};

use super::authenticate::Fault;
use super::granted::Granted;
use super::principal::{Principal, Who};
use super::{AuthenticationError, Door};
use crate::problem::body::{self, BodyFault, Bounds, JsonFault};
use crate::problem::{Kind, Problem};
use crate::telemetry;

/// What is asked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question<'a> {
    /// The key, or the access token, as it was presented.
    #[serde(borrow)]
    pub key: Cow<'a, str>,
    /// Scope tokens separated by spaces: is the key good for all of them?
    #[serde(default)]
    pub scope: Option<String>,
    /// A server's slug: does the key open it at all?
    #[serde(default)]
    pub server: Option<Slug>,
}

/// What a node says of a key, or of a token.
#[derive(Debug, Serialize)]
pub struct Verdict {
    pub valid: bool,
    /// `valid`, `insufficient_scope`, or why it is not: [`AuthenticationError::name`].
    pub outcome: &'static str,
    /// Absent for a key that is malformed, unknown or another organization's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyFacts>,
    /// By which a token's client acts; absent for a token that is malformed, unknown or another organization's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<GrantFacts>,
}

/// What is known of a grant of one's own, by one of its tokens.
#[derive(Debug, Serialize)]
pub struct GrantFacts {
    pub id: GrantId,
    /// For whom the client acts: `user:<id>` of a person, or what a key says of whom it speaks for.
    pub subject: String,
    /// As OAuth knows it.
    pub client_id: Box<str>,
    pub organization: OrganizationId,
    /// The slug of the one server that the token is for.
    pub server: Slug,
    /// What the client may do with this token now.
    pub scopes: Arc<ScopeSet>,
    pub expires_at: Timestamp,
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
    #[error("the gateway is not ready")]
    NotReady,
    #[error(transparent)]
    Authentication(#[from] AuthenticationError),
    #[error("the key that asks needs the scope keys:verify")]
    NotAllowed,
    #[error(transparent)]
    Body(#[from] BodyFault),
    #[error(transparent)]
    Question(#[from] JsonFault),
    #[error(transparent)]
    Scope(#[from] ScopeListError),
}

impl Door {
    /// Answers a question about a key.
    pub async fn verify<B>(&self, request: Request<B>) -> Result<Verdict, VerifyError>
    where
        B: HttpBody<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.is_open().map_err(|_| VerifyError::NotReady)?;
        let asker = may_ask(self.authenticator.authenticate(request.headers())?)?;
        let whose = asker.whose();
        let (head, body) = request.into_parts();
        body::is_json(&head.headers)?;
        let bounds = Bounds { max: MAX_BODY, ..self.body_bounds() };
        let body = body::read(body, bounds, &self.room, whose).await?;
        let question: Question<'_> = body::parse(&body)?;
        let scopes = question.scope.as_deref().map(str::parse::<ScopeSet>).transpose()?;
        // The body took its time.
        self.is_open().map_err(|_| VerifyError::NotReady)?;
        let asker = may_ask(self.authenticator.again(&asker)?)?;
        let verdict = self.verdict(&asker, &question, scopes.as_ref());
        telemetry::count("keyledger_verifications_total", &[("outcome", verdict.outcome)]);
        Ok(verdict)
    }

    fn verdict(&self, asker: &Principal, question: &Question<'_>, scopes: Option<&ScopeSet>) -> Verdict {
        let unknown = |outcome| Verdict { valid: false, outcome, key: None, grant: None };
        let found = match self.authenticator.find_any(&question.key) {
            Ok(found) if found.owner() == asker.owner() => found,
            Ok(_) => return unknown(AuthenticationError::Unknown.name()),
            Err(error) => return unknown(error.name()),
        };
        let covers = scopes.is_none_or(|wanted| wanted.iter().all(|scope| found.scopes().covers(scope)))
            && question.server.as_ref().is_none_or(|server| opens(&found, server));
        let outcome = match found.check(self.clock.now()) {
            Err(invalid) => invalid.name(),
            Ok(()) if covers => "valid",
            Ok(()) => "insufficient_scope",
        };
        let (key, grant) = match found.who() {
            Who::Key(key) => (Some(key_facts(key)), None),
            Who::Grant(granted) => (None, Some(grant_facts(granted))),
        };
        Verdict { valid: outcome == "valid", outcome, key, grant }
    }
}

/// Whether it opens the server at all: a token is for one alone.
fn opens(found: &Principal, server: &Slug) -> bool {
    let is_for = match found.who() {
        Who::Key(_) => true,
        Who::Grant(granted) => granted.token.server.server == *server,
    };
    is_for && found.scopes().allows_server(server)
}

fn may_ask(asker: Principal) -> Result<Principal, VerifyError> {
    if asker.scopes().allows_verify() { Ok(asker) } else { Err(VerifyError::NotAllowed) }
}

fn key_facts(key: &KeyEntry) -> KeyFacts {
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

fn grant_facts(granted: &Granted) -> GrantFacts {
    GrantFacts {
        id: granted.grant().id,
        subject: granted.subject(),
        client_id: granted.token.client_id.clone(),
        organization: granted.grant().organization,
        server: granted.token.server.server.clone(),
        scopes: Arc::clone(granted.scopes()),
        expires_at: granted.until(),
    }
}

impl VerifyError {
    /// Its name in metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::NotReady => "not_ready",
            Self::Authentication(error) => error.name(),
            Self::NotAllowed => "insufficient_scope",
            Self::Body(fault) => fault.name(),
            Self::Question(_) | Self::Scope(_) => "invalid_question",
        }
    }

    /// Its challenge (RFC 6750 §3).
    fn challenge(&self) -> Option<&'static str> {
        match self {
            Self::NotAllowed => Some(", error=\"insufficient_scope\", scope=\"keys:verify\""),
            Self::Authentication(error) => match error.fault() {
                Fault::NoCredential => Some(""),
                Fault::InvalidKey | Fault::InvalidToken => Some(", error=\"invalid_token\""),
                Fault::TwoCredentials | Fault::Node => None,
            },
            Self::NotReady | Self::Body(_) | Self::Question(_) | Self::Scope(_) => None,
        }
    }
}

impl From<&VerifyError> for Problem {
    fn from(error: &VerifyError) -> Self {
        match error {
            VerifyError::NotReady => Self::not_ready("it is catching up, or it ends"),
            VerifyError::Authentication(error) => (*error).into(),
            VerifyError::NotAllowed => {
                Self::new(Kind::ScopeMissing, "This needs a key with the scope keys:verify.")
            }
            VerifyError::Body(fault) => (*fault).into(),
            // Where, and not what was sent there: it may be the key.
            VerifyError::Question(fault) => Self::invalid("body", told(fault)),
            VerifyError::Scope(error) => Self::invalid("scope", format!("{error}.")),
        }
    }
}

fn told(fault: &JsonFault) -> String {
    match fault {
        JsonFault::NotAnObject | JsonFault::More => fault.to_string(),
        JsonFault::Wrong(error) => {
            let (error, expected) = (error.inner(), "the members are key, and scope or server");
            let what = if error.is_data() { expected } else { "this is not JSON" };
            format!("At line {} column {}: {what}.", error.line(), error.column())
        }
    }
}

/// The answer as HTTP has it.
pub fn answer(result: Result<Verdict, VerifyError>, realm: &str) -> Response<Bytes> {
    match result {
        Ok(verdict) => {
            let mut response =
                Response::new(serde_json::to_vec(&verdict).map(Bytes::from).unwrap_or_default());
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Err(error) => {
            let mut response = Problem::from(&error).response();
            let challenge = error.challenge().map(|challenge| format!("Bearer realm=\"{realm}\"{challenge}"));
            if let Some(value) = challenge.and_then(|challenge| HeaderValue::try_from(challenge).ok()) {
                response.headers_mut().insert(WWW_AUTHENTICATE, value);
            }
            response
        }
    }
}
