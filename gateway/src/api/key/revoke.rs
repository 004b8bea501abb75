//! `POST …/keys/{key}/revoke`

use axum::Json;
use axum::extract::State;
use domain::key::{Command, Key};
use events::Subject;

use super::problem::problem;
use super::{InstallationKeyPath, KeyPath, KeyPlace};
use crate::api::ApiState;
use crate::api::body::OptionalBody;
use crate::api::command::Ordered;
use crate::api::guard::{Allowed, KeysWrite};
use crate::api::idempotency::IdempotencyKey;
use crate::api::problem::Problem;
use crate::api::text::{GiveReason, Reason};
use crate::api::written::Written;

/// Revoke a key
///
/// For ever: a revoked key never comes back.
#[utoipa::path(
    post,
    path = "/api/v1/organizations/{organization}/keys/{key}/revoke",
    operation_id = "keys_revoke",
    tag = "keys",
    params(KeyPath),
    request_body = Option<GiveReason>,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn revoke(
    State(api): State<ApiState>,
    allowed: Allowed<KeysWrite, KeyPath>,
    idempotency: IdempotencyKey,
    OptionalBody(request): OptionalBody<GiveReason>,
) -> Result<Json<Written>, Problem> {
    run(api, allowed, idempotency, request).await
}

/// Revoke an installation key
///
/// For ever: a revoked key never comes back.
#[utoipa::path(
    post,
    path = "/api/v1/installation/keys/{key}/revoke",
    operation_id = "installation_keys_revoke",
    tag = "installation keys",
    params(InstallationKeyPath),
    request_body = Option<GiveReason>,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn revoke_installation(
    State(api): State<ApiState>,
    allowed: Allowed<KeysWrite, InstallationKeyPath>,
    idempotency: IdempotencyKey,
    OptionalBody(request): OptionalBody<GiveReason>,
) -> Result<Json<Written>, Problem> {
    run(api, allowed, idempotency, request).await
}

async fn run(
    api: ApiState,
    allowed: Allowed<KeysWrite, impl KeyPlace>,
    idempotency: IdempotencyKey,
    request: GiveReason,
) -> Result<Json<Written>, Problem> {
    let (owner, id) = (allowed.at.owner(), allowed.at.key());
    let ordered = Ordered {
        admin: &allowed.admin,
        owner,
        idempotency: &idempotency,
        operation: "keys.revoke",
        place: &[&owner, &id],
        request: &request,
    };
    let order = api.order(ordered).await?;
    let subject = Subject::key(owner, id);
    let reason = order.seal_some(&subject, "reason", request.reason.as_ref().map(Reason::as_str))?;
    let done = order.execute::<Key>(subject, Command::Revoke { reason }, problem).await?;
    Ok(Json(Written::new(id.uuid(), &done)))
}
