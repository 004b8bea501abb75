//! `POST …/keys/{key}/revoke`

use axum::Json;
use domain::key::Command;
use events::sealed::Field;

use super::{InstallationKeyPath, KeyPath, KeyPlace};
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
    path = "/api/v1/organizations/{organization}/keys/{key}/revoke",
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
    run(asked, request).await
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
    asked: Asked<Allowed<KeysWrite, InstallationKeyPath>>,
    OptionalBody(request): OptionalBody<GiveReason>,
) -> Result<Json<Written>, Problem> {
    run(asked, request).await
}

async fn run(
    asked: Asked<Allowed<KeysWrite, impl KeyPlace>>,
    request: GiveReason,
) -> Result<Json<Written>, Problem> {
    let order = asked.order("keys.revoke", &request).await?;
    let reason = order.seal_some(Field::Reason, request.reason.as_ref().map(Reason::as_str))?;
    order.carry_out(Command::Revoke { reason }).await
}
