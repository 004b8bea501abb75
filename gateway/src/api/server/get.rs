//! `GET /api/v1/organizations/{organization}/servers/{server}`

use axum::extract::State;
use projections::Projection;
use projections::postgres::server;

use super::ServerPath;
use super::view::Server;
use crate::api::ApiState;
use crate::api::guard::{Allowed, ServersRead};
use crate::api::query::{Query, ReadQuery};
use crate::api::reads::Found;
use crate::problem::Problem;

/// Show an MCP server
#[utoipa::path(
    get,
    path = "/api/v1/organizations/{organization}/servers/{server}",
    operation_id = "servers_get",
    tag = "servers",
    params(ServerPath, ReadQuery),
    responses((status = 200, description = "The server", body = Server))
)]
pub async fn get(
    State(api): State<ApiState>,
    allowed: Allowed<ServersRead, ServerPath>,
    Query(query): Query<ReadQuery>,
) -> Result<Found<Server>, Problem> {
    let ServerPath { organization, server: id } = allowed.at;
    let known = || api.directory.server_by_id(id).is_some_and(|entry| entry.organization == organization);
    let row = api
        .read_one(Projection::Servers, query.at_least, known, |pool| server::get(pool, organization, id))
        .await?;
    Ok(row.required()?.map(|row| Server::of(&api, row)))
}
