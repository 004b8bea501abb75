//! What a write answers.

use axum::Json;
use axum::response::{IntoResponse, Response};
use domain::dispatch::Done;
use events::Position;
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::proof::FleetProof;

/// A command that was carried out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Written {
    /// What was created or changed.
    pub id: Uuid,
    /// Whether the command made an event; `false`: what it asks for already was so.
    pub changed: bool,
    /// Whether this answers a command that was carried out before, under the same `Idempotency-Key`.
    pub replayed: bool,
    /// The position of the newest event of what was changed: send it as `at_least` to read your own write.
    /// Opaque.
    #[schema(value_type = String)]
    pub position: Position,
    /// What was done all the same and is probably not what was meant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// With `wait=fleet`: whether what was done holds everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet: Option<FleetProof>,
}

impl Written {
    pub fn new<A>(id: Uuid, done: &Done<A>) -> Self {
        let Done { changed, replayed, position, .. } = *done;
        Self { id, changed, replayed, position, warnings: Vec::new(), fleet: None }
    }
}

/// The answer to a create: 201 with the new thing's address; 200 when the command was carried out before.
pub struct Created {
    pub location: String,
    pub written: Written,
}

impl IntoResponse for Created {
    fn into_response(self) -> Response {
        created(self.written.replayed, &self.location, Json(self.written))
    }
}

pub fn created(replayed: bool, location: &str, body: impl IntoResponse) -> Response {
    let status = if replayed { StatusCode::OK } else { StatusCode::CREATED };
    let mut response = (status, body).into_response();
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}
