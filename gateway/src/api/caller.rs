//! `GET /api/v1/caller`: the key that asks, as the gateway sees it.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::ApiState;
use super::guard::Admin;

pub fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(caller))
}

/// The key that asks.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Caller {
    pub key: Uuid,
    /// The organization that it belongs to; absent: the installation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_slug: Option<String>,
    pub scopes: Vec<String>,
}

/// Who asks
///
/// Any admin key may ask about itself.
#[utoipa::path(
    get,
    path = "/api/v1/caller",
    operation_id = "caller",
    tag = "status",
    responses((status = 200, description = "The key that asks", body = Caller))
)]
async fn caller(State(api): State<ApiState>, admin: Admin) -> Json<Caller> {
    Json(Caller {
        key: admin.id().uuid(),
        organization: admin.owner().organization().map(|id| id.uuid()),
        organization_slug: admin.owner().organization().and_then(|id| api.organization_slug(id)),
        scopes: admin.scopes().iter().map(ToString::to_string).collect(),
    })
}
