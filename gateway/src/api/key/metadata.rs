//! `PUT …/keys/{key}/metadata`

use axum::Json;
use axum::extract::State;
use domain::key::{Command, Key};
use events::Subject;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem::problem;
use super::{InstallationKeyPath, KeyPath, KeyPlace};
use crate::api::ApiState;
use crate::api::body::{Body, said};
use crate::api::command::Ordered;
use crate::api::guard::{Allowed, KeysWrite};
use crate::api::idempotency::IdempotencyKey;
use crate::api::problem::Problem;
use crate::api::text::Metadata;
use crate::api::written::Written;

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMetadata {
    /// `null`: none.
    #[serde(deserialize_with = "said")]
    #[schema(required = true)]
    metadata: Option<Metadata>,
}

/// Set what is noted with a key
///
/// All of its metadata is replaced.
#[utoipa::path(
    put,
    path = "/api/v1/organizations/{organization}/keys/{key}/metadata",
    operation_id = "keys_set_metadata",
    tag = "keys",
    params(KeyPath),
    request_body = NewMetadata,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn set_metadata(
    State(api): State<ApiState>,
    allowed: Allowed<KeysWrite, KeyPath>,
    idempotency: IdempotencyKey,
    Body(request): Body<NewMetadata>,
) -> Result<Json<Written>, Problem> {
    run(api, allowed, idempotency, request).await
}

/// Set what is noted with an installation key
///
/// All of its metadata is replaced.
#[utoipa::path(
    put,
    path = "/api/v1/installation/keys/{key}/metadata",
    operation_id = "installation_keys_set_metadata",
    tag = "installation keys",
    params(InstallationKeyPath),
    request_body = NewMetadata,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn set_metadata_installation(
    State(api): State<ApiState>,
    allowed: Allowed<KeysWrite, InstallationKeyPath>,
    idempotency: IdempotencyKey,
    Body(request): Body<NewMetadata>,
) -> Result<Json<Written>, Problem> {
    run(api, allowed, idempotency, request).await
}

async fn run(
    api: ApiState,
    allowed: Allowed<KeysWrite, impl KeyPlace>,
    idempotency: IdempotencyKey,
    request: NewMetadata,
) -> Result<Json<Written>, Problem> {
    let (owner, id) = (allowed.at.owner(), allowed.at.key());
    let ordered = Ordered {
        admin: &allowed.admin,
        owner,
        idempotency: &idempotency,
        operation: "keys.metadata",
        place: &[&owner, &id],
        request: &request,
    };
    let order = api.order(ordered).await?;
    let subject = Subject::key(owner, id);
    let metadata =
        order.seal_some(&subject, "metadata", request.metadata.as_ref().map(Metadata::to_text).as_deref())?;
    let done = order.execute::<Key>(subject, Command::SetMetadata { metadata }, problem).await?;
    Ok(Json(Written::new(id.uuid(), &done)))
}
