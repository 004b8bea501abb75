//! `PUT …/keys/{key}/name`

use axum::Json;
use axum::extract::State;
use domain::key::{Command, Key};
use events::Subject;

use super::problem::problem;
use super::{InstallationKeyPath, KeyPath, KeyPlace};
use crate::api::ApiState;
use crate::api::body::Body;
use crate::api::command::Ordered;
use crate::api::guard::{Allowed, KeysWrite};
use crate::api::idempotency::IdempotencyKey;
use crate::api::problem::Problem;
use crate::api::text::NewName;
use crate::api::written::Written;

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
    State(api): State<ApiState>,
    allowed: Allowed<KeysWrite, KeyPath>,
    idempotency: IdempotencyKey,
    Body(request): Body<NewName>,
) -> Result<Json<Written>, Problem> {
    run(api, allowed, idempotency, request).await
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
    State(api): State<ApiState>,
    allowed: Allowed<KeysWrite, InstallationKeyPath>,
    idempotency: IdempotencyKey,
    Body(request): Body<NewName>,
) -> Result<Json<Written>, Problem> {
    run(api, allowed, idempotency, request).await
}

async fn run(
    api: ApiState,
    allowed: Allowed<KeysWrite, impl KeyPlace>,
    idempotency: IdempotencyKey,
    request: NewName,
) -> Result<Json<Written>, Problem> {
    let (owner, id) = (allowed.at.owner(), allowed.at.key());
    let ordered = Ordered {
        admin: &allowed.admin,
        owner,
        idempotency: &idempotency,
        operation: "keys.rename",
        place: &[&owner, &id],
        request: &request,
    };
    let order = api.order(ordered).await?;
    let subject = Subject::key(owner, id);
    let name = order.seal(&subject, "name", request.name.as_str())?;
    let done = order.execute::<Key>(subject, Command::Rename { name }, problem).await?;
    Ok(Json(Written::new(id.uuid(), &done)))
}
