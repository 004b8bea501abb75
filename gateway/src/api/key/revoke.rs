//! `POST …/keys/{key}/revoke`

use axum::Json;
use domain::key::Command;
use events::sealed::Field;

use super::KeyPath;
use crate::api::body::OptionalBody;
use crate::api::command::Asked;
use crate::api::guard::{Allowed, KeysWrite};
use crate::api::text::{GiveReason, Reason};
use crate::api::written::Written;
use crate::problem::Problem;

/// Revoke a key
///
/// For ever: a revoked key never comes back.
#[utoipa::path(
    post,
    path = "/keys/{key}/revoke",
    operation_id = "keys_revoke",
    tag = "keys",
    params(KeyPath),
    request_body = Option<GiveReason>,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn revoke(
    asked: Asked<Allowed<KeysWrite, KeyPath>>,
    OptionalBody(request): OptionalBody<GiveReason>,
) -> Result<Json<Written>, Problem> {
    let order = asked.order("keys.revoke", &request).await?;
    let reason = order.seal_some(Field::Reason, request.reason.as_ref().map(Reason::as_str))?;
    order.carry_out(Command::Revoke { reason }).await
}
