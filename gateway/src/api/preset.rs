//! `GET /api/v1/presets`: the addresses that a client may register by itself.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::ApiState;
use super::guard::{ClientsRead, Permitted};
use crate::oauth::presets::Presets;
use crate::problem::Problem;

pub fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// What a client that registers itself may name beside loopback addresses.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct KnownClients {
    /// The day on which the addresses were looked up.
    #[schema(format = Date)]
    pub date: String,
    pub clients: Vec<Preset>,
    /// What this installation adds by `oauth.redirects`.
    pub added: Vec<String>,
}

/// One well-known client.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Preset {
    pub name: String,
    /// Whole addresses, or with `*` for any last segment.
    pub redirects: Vec<String>,
}

/// List the presets
///
/// The redirect addresses of well-known clients, as they were on a day, and what the installation adds.
#[utoipa::path(
    get,
    path = "/api/v1/presets",
    operation_id = "presets_list",
    tag = "clients",
    responses((status = 200, description = "The presets", body = KnownClients))
)]
async fn list(State(api): State<ApiState>, _: Permitted<ClientsRead>) -> Result<Json<KnownClients>, Problem> {
    let (date, clients) = Presets::committed();
    let preset = |preset: &crate::oauth::presets::Preset| Preset {
        name: preset.name.clone(),
        redirects: preset.redirects.clone(),
    };
    Ok(Json(KnownClients {
        date: date.to_owned(),
        clients: clients.iter().map(preset).collect(),
        added: api.presets.added().to_vec(),
    }))
}
