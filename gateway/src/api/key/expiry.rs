//! `PUT …/keys/{key}/expiry`

use axum::Json;
use axum::extract::State;
use domain::key::{Command, Key};
use events::Subject;
use events::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem::problem;
use super::{InstallationKeyPath, KeyPath, KeyPlace, may_give_again};
use crate::api::ApiState;
use crate::api::body::{Body, said};
use crate::api::command::Ordered;
use crate::api::guard::{Allowed, KeysWrite};
use crate::api::idempotency::IdempotencyKey;
use crate::api::problem::Problem;
use crate::api::written::Written;

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewExpiry {
    /// `null`: never.
    #[serde(deserialize_with = "said")]
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    expires_at: Option<Timestamp>,
}

/// Set when a key expires
#[utoipa::path(
    put,
    path = "/api/v1/organizations/{organization}/keys/{key}/expiry",
    operation_id = "keys_set_expiry",
    tag = "keys",
    params(KeyPath),
    request_body = NewExpiry,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn set_expiry(
    State(api): State<ApiState>,
    allowed: Allowed<KeysWrite, KeyPath>,
    idempotency: IdempotencyKey,
    Body(request): Body<NewExpiry>,
) -> Result<Json<Written>, Problem> {
    run(api, allowed, idempotency, request).await
}

/// Set when an installation key expires
#[utoipa::path(
    put,
    path = "/api/v1/installation/keys/{key}/expiry",
    operation_id = "installation_keys_set_expiry",
    tag = "installation keys",
    params(InstallationKeyPath),
    request_body = NewExpiry,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn set_expiry_installation(
    State(api): State<ApiState>,
    allowed: Allowed<KeysWrite, InstallationKeyPath>,
    idempotency: IdempotencyKey,
    Body(request): Body<NewExpiry>,
) -> Result<Json<Written>, Problem> {
    run(api, allowed, idempotency, request).await
}

async fn run(
    api: ApiState,
    allowed: Allowed<KeysWrite, impl KeyPlace>,
    idempotency: IdempotencyKey,
    request: NewExpiry,
) -> Result<Json<Written>, Problem> {
    let (owner, id) = (allowed.at.owner(), allowed.at.key());
    may_give_again(&api, &allowed.admin, owner, id)?;
    let ordered = Ordered {
        admin: &allowed.admin,
        owner,
        idempotency: &idempotency,
        operation: "keys.expiry",
        place: &[&owner, &id],
        request: &request,
    };
    let order = api.order(ordered).await?;
    let done = order
        .execute::<Key>(
            Subject::key(owner, id),
            Command::SetExpiry { expires_at: request.expires_at },
            problem,
        )
        .await?;
    Ok(Json(Written::new(id.uuid(), &done)))
}
