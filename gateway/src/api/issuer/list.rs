//! `GET …/issuers`

use axum::extract::State;
use events::AggregateType;
use projections::Projection;
use projections::postgres::issuer;

use super::IssuersPath;
use super::view::Issuer;
use crate::api::ApiState;
use crate::api::guard::{Allowed, IssuersRead, OwnedPath};
use crate::api::query::{ListQuery, Page, Query};
use crate::api::reads::Found;
use crate::problem::Problem;

/// List issuers
///
/// Newest first, removed ones included.
#[utoipa::path(
    get,
    path = "/issuers",
    operation_id = "issuers_list",
    tag = "issuers",
    params(ListQuery),
    responses((status = 200, description = "A page of issuers", body = Page<Issuer>))
)]
pub async fn list(
    State(api): State<ApiState>,
    Allowed { at, .. }: Allowed<IssuersRead, IssuersPath>,
    Query(query): Query<ListQuery>,
) -> Result<Found<Page<Issuer>>, Problem> {
    let page = query.page()?;
    let owner = at.owner();
    let rows = api.read(Projection::Issuers, query.at_least, |pool| issuer::list(pool, owner, &page)).await?;
    api.exists_if(!rows.found.items.is_empty(), &at).await?;
    let waiting = api.waiting(Projection::Issuers, owner, AggregateType::Issuer).await?;
    Ok(rows.map(|rows| Page::of(rows, |row| Issuer::of(&api, row)).with_waiting(waiting)))
}
