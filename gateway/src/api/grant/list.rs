//! `GET /api/v1/organizations/{organization}/grants`

use axum::extract::State;
use events::{AggregateType, Owner};
use projections::Projection;
use projections::postgres::grant;

use super::query::GrantsQuery;
use super::view::Grant;
use crate::api::ApiState;
use crate::api::guard::{Allowed, GrantsRead};
use crate::api::organization::OrganizationPath;
use crate::api::query::{Page, Query};
use crate::api::reads::Found;
use crate::problem::Problem;

/// List an organization's grants
///
/// Newest first, ended and expired ones included. `state` is what a grant's own events and the time say; `works` is what a
/// node would say to a call now, with the reason where it would refuse one.
#[utoipa::path(
    get,
    path = "/api/v1/organizations/{organization}/grants",
    operation_id = "grants_list",
    tag = "grants",
    params(OrganizationPath, GrantsQuery),
    responses((status = 200, description = "A page of grants", body = Page<Grant>))
)]
pub async fn list(
    State(api): State<ApiState>,
    Allowed { at, .. }: Allowed<GrantsRead, OrganizationPath>,
    Query(query): Query<GrantsQuery>,
) -> Result<Found<Page<Grant>>, Problem> {
    let (filter, at_least) = (query.filter(), query.at_least);
    let page = query.page()?;
    let (organization, now) = (at.organization, api.clock.now());
    let rows = api.read(Projection::Grants, at_least, async |pool| {
        grant::list(pool, organization, &filter, now, &page).await
    });
    let rows = rows.await?;
    api.exists_if(!rows.found.items.is_empty(), &at).await?;
    let owner = Owner::Organization(organization);
    let waiting = api.waiting(Projection::Grants, owner, AggregateType::Grant).await?;
    Ok(rows.map(|rows| Page::of(rows, |row| Grant::of(&api, row)).with_waiting(waiting)))
}
