//! Problem details (RFC 9457): every answer of the admin API that is not what was asked for.
//!
//! A problem says what is wrong and what to do. Its `type` is a URN that stays the same for ever, so that a
//! client can rest on it; its words may change. Which refusal is which problem stands in each noun's own
//! `problem.rs`; what any route can meet stands here.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
    pub fn new(status: StatusCode, name: &str, title: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("{URN}{name}"),
            title: title.to_owned(),
            status: status.as_u16(),
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

    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// What any route can meet.
impl Problem {
    /// Unknown, or somebody else's: the two are never told apart.
    pub fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not-found",
            "Not found",
            "There is nothing here that this key may see. Check the ids in the path, and that the key belongs to \
             the organization that it asks about.",
        )
    }

    pub fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method-not-allowed",
            "Method not allowed",
            "This path does not take that method; `Allow` names those that it takes.",
        )
    }

    pub fn unauthenticated(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "An admin key is needed", detail)
    }

    pub fn forbidden(name: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, name, "Not allowed with this key", detail)
    }

    /// A part of the request can't be read.
    pub fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid-request", "The request can't be read", detail).at(field)
    }

    pub fn too_large(most: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large",
            "The body is too large",
            format!("A request's body holds at most {most} bytes."),
        )
    }

    pub fn body_too_slow(within: std::time::Duration) -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "body-too-slow",
            "The body did not come in time",
            format!(
                "A request's body is there within {} s. Nothing was changed; ask again.",
                within.as_secs()
            ),
        )
    }

    pub fn unsupported_media_type() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "The body is not JSON",
            "Send the body as JSON, with `Content-Type: application/json` and no `Content-Encoding`.",
        )
    }

    /// The gate is shut: the node does not know enough to decide.
    pub fn not_ready(why: impl std::fmt::Display) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "not-ready",
            "The node is not ready",
            format!("The node does not answer for keys now: {why}. Ask again; `/readyz` tells when."),
        )
        .retry_after(1)
    }

    pub fn busy() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "busy",
            "Too many requests at once",
            "The admin API answers as many requests as it is set to; ask again.",
        )
        .retry_after(1)
    }

    /// One owner or one key has its share of the slots.
    pub fn busy_with_you() -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-at-once",
            "Too many requests of yours at once",
            "This key, or its owner's keys together, have as many requests under way as one may have; wait for \
             their answers, then ask again.",
        )
        .retry_after(1)
    }

    pub fn timed_out() -> Self {
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            "timed-out",
            "No answer in time",
            "The answer was not ready in time. Nothing was changed; ask again.",
        )
    }

    /// Lists, names and histories come from PostgreSQL; commands and validation go on without it.
    pub fn read_models_unavailable() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "read-models-unavailable",
            "The read models can't be reached",
            "Lists, names and histories are read from PostgreSQL, which does not answer. Commands and key \
             validation go on. Ask again.",
        )
        .retry_after(2)
    }

    /// `?at_least` was not reached in time.
    pub fn position_not_reached(waited: std::time::Duration) -> Self {
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            "position-not-reached",
            "The read models are not that far yet",
            format!(
                "The read models did not reach the position of `at_least` within {} ms. The write stands; ask \
                 again.",
                waited.as_millis()
            ),
        )
        .at("?at_least")
        .retry_after(1)
    }

    pub fn foreign_position() -> Self {
        Self::invalid(
            "?at_least",
            "This position belongs to another log. Send one back exactly as this API gave it.",
        )
    }

    /// `?at_least` lies beyond the log's newest event.
    pub fn position_beyond_the_log() -> Self {
        Self::invalid(
            "?at_least",
            "The log has no event at this position yet. Send one back exactly as this API gave it.",
        )
    }

    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something broke",
            "The gateway met a state that it should not. Its log has the cause, under this answer's \
             `X-Request-Id`.",
        )
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status_code();
        let retry_after = self.retry_after_seconds;
        let mut response = (status, Json(&self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"keyledger-admin\""),
            );
        }
        response
    }
}
