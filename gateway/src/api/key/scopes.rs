//! `PUT …/keys/{key}/scopes`

use axum::Json;
use domain::key::Command;
use events::ScopeSet;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::KeyPath;
use crate::api::body::Body;
use crate::api::command::Asked;
use crate::api::guard::{Allowed, KeysWrite, OwnedPath};
use crate::api::written::Written;
use crate::problem::Problem;

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
    path = "/keys/{key}/scopes",
    operation_id = "keys_set_scopes",
    tag = "keys",
    params(KeyPath),
    request_body = NewScopes,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn set_scopes(
    asked: Asked<Allowed<KeysWrite, KeyPath>>,
    Body(request): Body<NewScopes>,
) -> Result<Json<Written>, Problem> {
    let (api, owner) = (asked.api.clone(), asked.by.at.owner());
    let order = asked.order("keys.scopes", &request).await?;
    let mut written = order.execute(Command::SetScopes { scopes: request.scopes.clone() }).await?.written;
    written.warnings = super::warnings(&api.directory, owner, &request.scopes);
    Ok(Json(written))
}
