//! Problems of the admin API alone, and how axum sends one.

use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use projections::postgres::ReadModelError;

use super::seen::ProblemName;
use crate::problem::{Kind, Problem};

impl Problem {
    /// One owner or one key has its share of the slots.
    pub fn busy_with_you() -> Self {
        Self::new(
            Kind::TooManyAtOnce,
            "This key, or its owner's keys together, have as many requests under way as one may have; wait for \
             their answers, then ask again.",
        )
        .retry_after(1)
    }

    pub fn timed_out() -> Self {
        Self::new(Kind::TimedOut, "The answer was not ready in time. Nothing was changed; ask again.")
    }

    /// Lists, names and histories come from PostgreSQL; commands and validation go on without it.
    pub fn read_models_unavailable() -> Self {
        Self::new(
            Kind::ReadModelsUnavailable,
            "Lists, names and histories are read from PostgreSQL, which does not answer. Commands and key \
             validation go on. Ask again.",
        )
        .retry_after(2)
    }

    /// PostgreSQL answers, and this process may not read there, or there is nothing yet: with what ends it.
    pub fn read_models_unusable(error: &ReadModelError) -> Self {
        Self::new(
            Kind::ReadModelsUnavailable,
            format!("Lists, names and histories can't be read: {error}. Commands and key validation go on."),
        )
        .retry_after(30)
    }

    /// The node knows it, and the read models lack it also where they have come as far as the node.
    pub fn not_taken_in() -> Self {
        Self::new(
            Kind::NotTakenIn,
            "It exists, and its events wait to be taken into the read models, so nothing can be shown of it. Commands \
             on it go on. `keyledger projections parked list` shows an operator what waits, and why.",
        )
        .retry_after(30)
    }

    /// `?at_least` was not reached in time.
    pub fn position_not_reached(waited: Duration) -> Self {
        Self::new(
            Kind::PositionNotReached,
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
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.response().map(Body::from);
        response.extensions_mut().insert(ProblemName(self.name().to_owned()));
        if response.status() == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer realm=\"keyledger-admin\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
