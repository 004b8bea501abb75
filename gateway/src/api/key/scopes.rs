//! `PUT …/keys/{key}/scopes`

use axum::Json;
use axum::extract::State;
use domain::key::{Command, Key};
use events::ScopeSet;
use events::Subject;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem::problem;
use super::{InstallationKeyPath, KeyPath, KeyPlace};
use crate::api::ApiState;
use crate::api::body::Body;
use crate::api::command::Ordered;
use crate::api::guard::{Allowed, KeysWrite};
use crate::api::idempotency::IdempotencyKey;
use crate::api::problem::Problem;
use crate::api::written::Written;

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewScopes {
    /// All `mcp:` or all management (`admin:`, `keys:verify`); management scopes only those that the asking
    /// key holds itself.
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 100, example = json!(["mcp:docs:tools:search"]))]
    scopes: ScopeSet,
}

/// Set what a key may do
///
/// All of its scopes are replaced.
#[utoipa::path(
    put,
    path = "/api/v1/organizations/{organization}/keys/{key}/scopes",
    operation_id = "keys_set_scopes",
    tag = "keys",
    params(KeyPath),
    request_body = NewScopes,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn set_scopes(
    State(api): State<ApiState>,
    allowed: Allowed<KeysWrite, KeyPath>,
    idempotency: IdempotencyKey,
    Body(request): Body<NewScopes>,
) -> Result<Json<Written>, Problem> {
    run(api, allowed, idempotency, request).await
}

/// Set what an installation key may do
///
/// All of its scopes are replaced.
#[utoipa::path(
    put,
    path = "/api/v1/installation/keys/{key}/scopes",
    operation_id = "installation_keys_set_scopes",
    tag = "installation keys",
    params(InstallationKeyPath),
    request_body = NewScopes,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn set_scopes_installation(
    State(api): State<ApiState>,
    allowed: Allowed<KeysWrite, InstallationKeyPath>,
    idempotency: IdempotencyKey,
    Body(request): Body<NewScopes>,
) -> Result<Json<Written>, Problem> {
    run(api, allowed, idempotency, request).await
}

async fn run(
    api: ApiState,
    allowed: Allowed<KeysWrite, impl KeyPlace>,
    idempotency: IdempotencyKey,
    request: NewScopes,
) -> Result<Json<Written>, Problem> {
    let (owner, id) = (allowed.at.owner(), allowed.at.key());
    allowed.admin.may_give(&request.scopes)?;
    let ordered = Ordered {
        admin: &allowed.admin,
        owner,
        idempotency: &idempotency,
        operation: "keys.scopes",
        place: &[&owner, &id],
        request: &request,
    };
    let order = api.order(ordered).await?.giving(&request.scopes);
    let done = order
        .execute::<Key>(Subject::key(owner, id), Command::SetScopes { scopes: request.scopes }, problem)
        .await?;
    Ok(Json(Written::new(id.uuid(), &done)))
}
