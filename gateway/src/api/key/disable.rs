//! `POST …/keys/{key}/disable`

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

/// Disable a key
///
/// It is refused until it is enabled.
#[utoipa::path(
    post,
    path = "/keys/{key}/disable",
    operation_id = "keys_disable",
    tag = "keys",
    params(KeyPath),
    request_body = Option<GiveReason>,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn disable(
    asked: Asked<Allowed<KeysWrite, KeyPath>>,
    OptionalBody(request): OptionalBody<GiveReason>,
) -> Result<Json<Written>, Problem> {
    let order = asked.order("keys.disable", &request).await?;
    let reason = order.seal_some(Field::Reason, request.reason.as_ref().map(Reason::as_str))?;
    order.carry_out(Command::Disable { reason }).await
}
