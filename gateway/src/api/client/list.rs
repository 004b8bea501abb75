//! `GET …/clients`

use axum::extract::State;
use events::AggregateType;
use projections::Projection;
use projections::postgres::client;

use super::ClientsPath;
use super::view::Client;
use crate::api::ApiState;
use crate::api::guard::{Allowed, ClientsRead, OwnedPath};
use crate::api::query::{ListQuery, Page, Query};
use crate::api::reads::Found;
use crate::problem::Problem;

/// List clients
///
/// Newest first, removed ones included. Those that registered themselves, or are known by a document, are the installation's from
/// their first consent on.
#[utoipa::path(
    get,
    path = "/clients",
    operation_id = "clients_list",
    tag = "clients",
    params(ListQuery),
    responses((status = 200, description = "A page of clients", body = Page<Client>))
)]
pub async fn list(
    State(api): State<ApiState>,
    Allowed { at, .. }: Allowed<ClientsRead, ClientsPath>,
    Query(query): Query<ListQuery>,
) -> Result<Found<Page<Client>>, Problem> {
    let page = query.page()?;
    let owner = at.owner();
    let rows = api.read(Projection::Clients, query.at_least, |pool| client::list(pool, owner, &page)).await?;
    api.exists_if(!rows.found.items.is_empty(), &at).await?;
    let waiting = api.waiting(Projection::Clients, owner, AggregateType::Client).await?;
    Ok(rows.map(|rows| Page::of(rows, |row| Client::of(&api, row)).with_waiting(waiting)))
}
