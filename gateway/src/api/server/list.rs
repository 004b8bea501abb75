//! `GET /api/v1/organizations/{organization}/servers`

use axum::extract::State;
use events::{AggregateType, Owner, Position, Slug};
use projections::Projection;
use projections::postgres::server;
use serde::Deserialize;
use utoipa::IntoParams;

use super::view::Server;
use crate::api::ApiState;
use crate::api::guard::{Allowed, ServersRead};
use crate::api::organization::OrganizationPath;
use crate::api::query::{Limit, ListQuery, Page, Query};
use crate::api::reads::Found;
use crate::problem::Problem;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListServers {
    /// Only the server of this slug.
    #[param(value_type = Option<String>)]
    slug: Option<Slug>,
    /// How many items at most: 1 to 200.
    #[serde(default)]
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
    /// `next` of the page before; nothing for the first page.
    #[param(max_length = 200)]
    cursor: Option<String>,
    /// The `position` of an earlier write: the answer waits, a bounded time, until it includes it.
    #[param(value_type = Option<String>)]
    at_least: Option<Position>,
}

/// List an organization's MCP servers
///
/// Newest first, removed ones included.
#[utoipa::path(
    get,
    path = "/api/v1/organizations/{organization}/servers",
    operation_id = "servers_list",
    tag = "servers",
    params(OrganizationPath, ListServers),
    responses((status = 200, description = "A page of servers", body = Page<Server>))
)]
pub async fn list(
    State(api): State<ApiState>,
    allowed: Allowed<ServersRead, OrganizationPath>,
    Query(query): Query<ListServers>,
) -> Result<Found<Page<Server>>, Problem> {
    let (organization, at_least) = (allowed.at.organization, query.at_least);
    if let Some(slug) = query.slug {
        api.wait_applied(at_least).await?;
        let Some(entry) = api.directory.server(organization, slug.as_str()) else {
            api.exists_if(false, &allowed.at).await?;
            return Ok(Found { found: Page::one(None), as_of: None });
        };
        let row = api
            .read_one(
                Projection::Servers,
                at_least,
                || true,
                |pool| server::get(pool, organization, entry.id),
            )
            .await?;
        return Ok(row.map(|row| Page::one(row.map(|row| Server::of(&api, row)))));
    }
    let page = ListQuery { limit: query.limit, cursor: query.cursor, at_least }.page()?;
    let rows =
        api.read(Projection::Servers, at_least, |pool| server::list(pool, organization, &page)).await?;
    api.exists_if(!rows.found.items.is_empty(), &allowed.at).await?;
    let owner = Owner::Organization(organization);
    let waiting = api.waiting(Projection::Servers, owner, AggregateType::Server).await?;
    Ok(rows.map(|rows| Page::of(rows, |row| Server::of(&api, row)).with_waiting(waiting)))
}
