//! `PUT …/keys/{key}/name`

use axum::Json;
use domain::key::Command;
use events::sealed::Field;

use super::{InstallationKeyPath, KeyPath, KeyPlace};
use crate::api::body::Body;
use crate::api::command::Asked;
use crate::api::guard::{Allowed, KeysWrite};
use crate::api::text::NewName;
use crate::api::written::Written;
use crate::problem::Problem;

/// Rename a key
#[utoipa::path(
    put,
    path = "/api/v1/organizations/{organization}/keys/{key}/name",
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
    run(asked, request).await
}

/// Rename an installation key
#[utoipa::path(
    put,
    path = "/api/v1/installation/keys/{key}/name",
    operation_id = "installation_keys_rename",
    tag = "installation keys",
    params(InstallationKeyPath),
    request_body = NewName,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn rename_installation(
    asked: Asked<Allowed<KeysWrite, InstallationKeyPath>>,
    Body(request): Body<NewName>,
) -> Result<Json<Written>, Problem> {
    run(asked, request).await
}

async fn run(
    asked: Asked<Allowed<KeysWrite, impl KeyPlace>>,
    request: NewName,
) -> Result<Json<Written>, Problem> {
    let order = asked.order("keys.rename", &request).await?;
    let name = order.seal(Field::Name, request.name.as_str())?;
    order.carry_out(Command::Rename { name }).await
}
