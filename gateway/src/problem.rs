//! Problem details (RFC 9457): what a listener answers when it is not what was asked for; and the one way to read a
//! JSON body, whose faults are problems.
//!
//! A problem says what is wrong and what to do. Which refusal is which problem stands with the refusal; what any
//! route can meet stands here. `/mcp` and OAuth have errors of their own, as their standards rule.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use projections::directory::NotReady;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub mod body;
mod kind;
mod media;
pub mod room;

pub use kind::Kind;

/// The media type of RFC 9457 §3.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// What went wrong, as the client is told.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[schema(title = "Problem")]
pub struct Problem {
    /// `urn:keyledger:problem:<name>`: stable, one for each kind of problem.
    #[serde(rename = "type")]
    #[schema(example = "urn:keyledger:problem:not-found")]
    pub kind: String,
    /// The kind of problem in a few words.
    pub title: String,
    /// The HTTP status of the answer.
    pub status: u16,
    /// What is wrong here, and what to do.
    pub detail: String,
    /// The place in the request that is wrong, such as `scopes[1]`, `?limit` or `Idempotency-Key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// After how many seconds it may be asked again; also in `Retry-After`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u32>,
}

/// The start of every problem's `type`.
pub const URN: &str = "urn:keyledger:problem:";

impl Problem {
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("{URN}{}", kind.name()),
            title: kind.title().to_owned(),
            status: kind.status().as_u16(),
            detail: detail.into(),
            field: None,
            retry_after_seconds: None,
        }
    }

    #[must_use]
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// The part of `type` that names the kind.
    pub fn name(&self) -> &str {
        self.kind.strip_prefix(URN).unwrap_or(&self.kind)
    }

    pub fn is(&self, kind: Kind) -> bool {
        self.name() == kind.name()
    }

    /// The answer as HTTP has it. Nobody keeps it: what it says is so now.
    pub fn response(&self) -> Response<Bytes> {
        // Text and numbers alone: it can't fail, and an empty body would still carry the status.
        let mut response = Response::new(serde_json::to_vec(self).map(Bytes::from).unwrap_or_default());
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// What any listener can meet.
impl Problem {
    /// Unknown, or somebody else's: the two are never told apart.
    pub fn not_found() -> Self {
        Self::new(
            Kind::NotFound,
            "There is nothing here that this key may see. Check the ids in the path, and that the key belongs to \
             the organization that it asks about.",
        )
    }

    pub fn method_not_allowed() -> Self {
        Self::new(
            Kind::MethodNotAllowed,
            "This path does not take that method; `Allow` names those that it takes.",
        )
    }

    /// A part of the request can't be read.
    pub fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(Kind::InvalidRequest, detail).at(field)
    }

    /// The gate is shut: the node does not know enough to decide.
    pub fn not_ready(why: impl std::fmt::Display) -> Self {
        Self::new(
            Kind::NotReady,
            format!("The node does not answer for keys now: {why}. Ask again; `/readyz` tells when."),
        )
        .retry_after(1)
    }

    /// The same, for what the gate says. Nobody is told to wait for what does not pass by itself.
    pub fn shut(why: &NotReady) -> Self {
        if why.may_pass() {
            return Self::not_ready(why);
        }
        Self::new(Kind::NotReady, format!("The node does not answer for keys: {why}.")).retry_after(1)
    }

    pub fn busy() -> Self {
        Self::new(Kind::Busy, "As many requests are under way as this listener takes; ask again.")
            .retry_after(1)
    }

    pub fn internal() -> Self {
        Self::new(
            Kind::Internal,
            "The gateway met a state that it should not. Its log has the cause, under this answer's \
             `X-Request-Id`.",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_told_to_wait_for_what_does_not_pass() {
        let told = |why: NotReady| Problem::shut(&why).detail;
        assert!(told(NotReady::Unattested).contains("Ask again"));
        let diverged = told(NotReady::Diverged("another".to_owned()));
        assert!(diverged.contains("another") && !diverged.contains("Ask again"), "{diverged}");
    }
}
