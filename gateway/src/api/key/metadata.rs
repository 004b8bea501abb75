//! `PUT …/keys/{key}/metadata`

use axum::Json;
use domain::key::Command;
use events::sealed::Field;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{InstallationKeyPath, KeyPath, KeyPlace};
use crate::api::body::{Body, said};
use crate::api::command::Asked;
use crate::api::guard::{Allowed, KeysWrite};
use crate::api::text::Metadata;
use crate::api::written::Written;
use crate::problem::Problem;

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
    asked: Asked<Allowed<KeysWrite, KeyPath>>,
    Body(request): Body<NewMetadata>,
) -> Result<Json<Written>, Problem> {
    run(asked, request).await
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
    asked: Asked<Allowed<KeysWrite, InstallationKeyPath>>,
    Body(request): Body<NewMetadata>,
) -> Result<Json<Written>, Problem> {
    run(asked, request).await
}

async fn run(
    asked: Asked<Allowed<KeysWrite, impl KeyPlace>>,
    request: NewMetadata,
) -> Result<Json<Written>, Problem> {
    let order = asked.order("keys.metadata", &request).await?;
    let metadata =
        order.seal_some(Field::Metadata, request.metadata.as_ref().map(Metadata::to_text).as_deref())?;
    order.carry_out(Command::SetMetadata { metadata }).await
}
