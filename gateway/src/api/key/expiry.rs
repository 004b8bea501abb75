//! `PUT …/keys/{key}/expiry`

use axum::Json;
use domain::key::Command;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::KeyPath;
use crate::api::body::{Body, said};
use crate::api::command::Asked;
use crate::api::guard::{Allowed, KeysWrite};
use crate::api::moment::Moment;
use crate::api::written::Written;
use crate::problem::Problem;

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewExpiry {
    /// To the millisecond. `null`: never.
    #[serde(deserialize_with = "said")]
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    expires_at: Option<Moment>,
}

/// Set when a key expires
#[utoipa::path(
    put,
    path = "/keys/{key}/expiry",
    operation_id = "keys_set_expiry",
    tag = "keys",
    params(KeyPath),
    request_body = NewExpiry,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn set_expiry(
    asked: Asked<Allowed<KeysWrite, KeyPath>>,
    Body(request): Body<NewExpiry>,
) -> Result<Json<Written>, Problem> {
    let order = asked.order("keys.expiry", &request).await?;
    order.carry_out(Command::SetExpiry { expires_at: request.expires_at.map(|Moment(at)| at) }).await
}
