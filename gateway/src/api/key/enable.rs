//! `POST …/keys/{key}/enable`

use axum::Json;
use axum::extract::State;
use domain::key::{Command, Key};
use events::Subject;

use super::problem::problem;
use super::{InstallationKeyPath, KeyPath, KeyPlace, may_give_again};
use crate::api::ApiState;
use crate::api::body::{Empty, OptionalBody};
use crate::api::command::Ordered;
use crate::api::guard::{Allowed, KeysWrite};
use crate::api::idempotency::IdempotencyKey;
use crate::api::problem::Problem;
use crate::api::written::Written;

/// Enable a key
///
/// A disabled key works again.
#[utoipa::path(
    post,
    path = "/api/v1/organizations/{organization}/keys/{key}/enable",
    operation_id = "keys_enable",
    tag = "keys",
    params(KeyPath),
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn enable(
    State(api): State<ApiState>,
    allowed: Allowed<KeysWrite, KeyPath>,
    idempotency: IdempotencyKey,
    OptionalBody(request): OptionalBody<Empty>,
) -> Result<Json<Written>, Problem> {
    run(api, allowed, idempotency, request).await
}

/// Enable an installation key
///
/// A disabled key works again.
#[utoipa::path(
    post,
    path = "/api/v1/installation/keys/{key}/enable",
    operation_id = "installation_keys_enable",
    tag = "installation keys",
    params(InstallationKeyPath),
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn enable_installation(
    State(api): State<ApiState>,
    allowed: Allowed<KeysWrite, InstallationKeyPath>,
    idempotency: IdempotencyKey,
    OptionalBody(request): OptionalBody<Empty>,
) -> Result<Json<Written>, Problem> {
    run(api, allowed, idempotency, request).await
}

async fn run(
    api: ApiState,
    allowed: Allowed<KeysWrite, impl KeyPlace>,
    idempotency: IdempotencyKey,
    request: Empty,
) -> Result<Json<Written>, Problem> {
    let (owner, id) = (allowed.at.owner(), allowed.at.key());
    may_give_again(&api, &allowed.admin, owner, id)?;
    let ordered = Ordered {
        admin: &allowed.admin,
        owner,
        idempotency: &idempotency,
        operation: "keys.enable",
        place: &[&owner, &id],
        request: &request,
    };
    let order = api.order(ordered).await?;
    let done = order.execute::<Key>(Subject::key(owner, id), Command::Enable, problem).await?;
    Ok(Json(Written::new(id.uuid(), &done)))
}
