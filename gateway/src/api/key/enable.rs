//! `POST …/keys/{key}/enable`

use axum::Json;
use domain::key::Command;

use super::KeyPath;
use crate::api::body::{Empty, OptionalBody};
use crate::api::command::Asked;
use crate::api::guard::{Allowed, KeysWrite};
use crate::api::written::Written;
use crate::problem::Problem;

/// Enable a key
///
/// A disabled key works again.
#[utoipa::path(
    post,
    path = "/keys/{key}/enable",
    operation_id = "keys_enable",
    tag = "keys",
    params(KeyPath),
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn enable(
    asked: Asked<Allowed<KeysWrite, KeyPath>>,
    OptionalBody(request): OptionalBody<Empty>,
) -> Result<Json<Written>, Problem> {
    let order = asked.order("keys.enable", &request).await?;
    order.carry_out(Command::Enable).await
}
