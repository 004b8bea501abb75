//! `GET /api/v1/organizations/{organization}/consents`

use axum::extract::State;
use events::{AggregateType, Owner};
use projections::Projection;
use projections::postgres::consent;

use super::query::ConsentsQuery;
use super::view::Consent;
use crate::api::ApiState;
use crate::api::guard::{Allowed, GrantsRead};
use crate::api::organization::OrganizationPath;
use crate::api::query::{Page, Query};
use crate::api::reads::Found;
use crate::problem::Problem;

/// List an organization's consents
///
/// Newest first, withdrawn ones included.
#[utoipa::path(
    get,
    path = "/api/v1/organizations/{organization}/consents",
    operation_id = "consents_list",
    tag = "consents",
    params(OrganizationPath, ConsentsQuery),
    responses((status = 200, description = "A page of consents", body = Page<Consent>))
)]
pub async fn list(
    State(api): State<ApiState>,
    Allowed { at, .. }: Allowed<GrantsRead, OrganizationPath>,
    Query(query): Query<ConsentsQuery>,
) -> Result<Found<Page<Consent>>, Problem> {
    let (filter, at_least) = (query.filter(), query.at_least);
    let page = query.page()?;
    let organization = at.organization;
    let rows = api.read(Projection::Consents, at_least, async |pool| {
        consent::list(pool, organization, &filter, &page).await
    });
    let rows = rows.await?;
    api.exists_if(!rows.found.items.is_empty(), &at).await?;
    let owner = Owner::Organization(organization);
    let waiting = api.waiting(Projection::Consents, owner, AggregateType::Consent).await?;
    Ok(rows.map(|rows| Page::of(rows, |row| Consent::of(&api, row)).with_waiting(waiting)))
}
