//! `POST …/keys/{key}/disable`

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

/// Disable a key
///
/// It is refused until it is enabled.
#[utoipa::path(
    post,
    path = "/api/v1/organizations/{organization}/keys/{key}/disable",
    operation_id = "keys_disable",
    tag = "keys",
    params(KeyPath),
    request_body = Option<GiveReason>,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn disable(
    State(api): State<ApiState>,
    allowed: Allowed<KeysWrite, KeyPath>,
    idempotency: IdempotencyKey,
    OptionalBody(request): OptionalBody<GiveReason>,
) -> Result<Json<Written>, Problem> {
    run(api, allowed, idempotency, request).await
}

/// Disable an installation key
///
/// It is refused until it is enabled.
#[utoipa::path(
    post,
    path = "/api/v1/installation/keys/{key}/disable",
    operation_id = "installation_keys_disable",
    tag = "installation keys",
    params(InstallationKeyPath),
    request_body = Option<GiveReason>,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn disable_installation(
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
        operation: "keys.disable",
        place: &[&owner, &id],
        request: &request,
    };
    let order = api.order(ordered).await?;
    let subject = Subject::key(owner, id);
    let reason = order.seal_some(&subject, "reason", request.reason.as_ref().map(Reason::as_str))?;
    let done = order.execute::<Key>(subject, Command::Disable { reason }, problem).await?;
    Ok(Json(Written::new(id.uuid(), &done)))
}
