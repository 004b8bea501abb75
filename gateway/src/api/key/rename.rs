//! `PUT …/keys/{key}/name`

use axum::Json;
use domain::key::Command;
use events::sealed::Field;

use super::KeyPath;
use crate::api::body::Body;
use crate::api::command::Asked;
use crate::api::guard::{Allowed, KeysWrite};
use crate::api::text::NewName;
use crate::api::written::Written;
use crate::problem::Problem;

/// Rename a key
#[utoipa::path(
    put,
    path = "/keys/{key}/name",
    operation_id = "keys_rename",
    tag = "keys",
    params(KeyPath),
    request_body = NewName,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn rename(
    asked: Asked<Allowed<KeysWrite, KeyPath>>,
    Body(request): Body<NewName>,
) -> Result<Json<Written>, Problem> {
    let order = asked.order("keys.rename", &request).await?;
    let name = order.seal(Field::Name, request.name.as_str())?;
    order.carry_out(Command::Rename { name }).await
}
