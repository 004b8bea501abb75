//! `GET …/clients/{client}`

use axum::extract::State;
use projections::Projection;
use projections::postgres::client;

use super::ClientPath;
use super::view::Client;
use crate::api::ApiState;
use crate::api::guard::{Allowed, ClientsRead, OwnedPath};
use crate::api::query::{Query, ReadQuery};
use crate::api::reads::Found;
use crate::problem::Problem;

/// Show a client
#[utoipa::path(
    get,
    path = "/clients/{client}",
    operation_id = "clients_get",
    tag = "clients",
    params(ClientPath, ReadQuery),
    responses((status = 200, description = "The client", body = Client))
)]
pub async fn get(
    State(api): State<ApiState>,
    Allowed { at, .. }: Allowed<ClientsRead, ClientPath>,
    Query(query): Query<ReadQuery>,
) -> Result<Found<Client>, Problem> {
    let (owner, id) = (at.owner(), at.client);
    let row = api.read(Projection::Clients, query.at_least, |pool| client::get(pool, owner, id)).await?;
    Ok(row.required()?.map(|row| Client::of(&api, row)))
}
