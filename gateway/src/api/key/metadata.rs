//! `PUT …/keys/{key}/metadata`

use axum::Json;
use domain::key::Command;
use events::sealed::Field;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::KeyPath;
use crate::api::body::{Body, said};
use crate::api::command::Asked;
use crate::api::guard::{Allowed, KeysWrite};
use crate::api::metadata::Metadata;
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
    path = "/keys/{key}/metadata",
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
    let order = asked.order("keys.metadata", &request).await?;
    let metadata =
        order.seal_some(Field::Metadata, request.metadata.as_ref().map(Metadata::to_text).as_deref())?;
    order.carry_out(Command::SetMetadata { metadata }).await
}
