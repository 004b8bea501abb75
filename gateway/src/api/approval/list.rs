//! `GET /api/v1/organizations/{organization}/approvals`

use axum::extract::State;
use events::{AggregateType, Owner};
use projections::Projection;
use projections::postgres::approval;

use super::view::Approval;
use crate::api::ApiState;
use crate::api::guard::{Allowed, ClientsRead};
use crate::api::organization::OrganizationPath;
use crate::api::query::{ListQuery, Page, Query};
use crate::api::reads::Found;
use crate::problem::Problem;

/// List an organization's approvals
///
/// Newest first, withdrawn ones included.
#[utoipa::path(
    get,
    path = "/api/v1/organizations/{organization}/approvals",
    operation_id = "approvals_list",
    tag = "approvals",
    params(OrganizationPath, ListQuery),
    responses((status = 200, description = "A page of approvals", body = Page<Approval>))
)]
pub async fn list(
    State(api): State<ApiState>,
    Allowed { at, .. }: Allowed<ClientsRead, OrganizationPath>,
    Query(query): Query<ListQuery>,
) -> Result<Found<Page<Approval>>, Problem> {
    let (page, organization) = (query.page()?, at.organization);
    let rows = api
        .read(Projection::Approvals, query.at_least, |pool| approval::list(pool, organization, &page))
        .await?;
    api.exists_if(!rows.found.items.is_empty(), &at).await?;
    let owner = Owner::Organization(organization);
    let waiting = api.waiting(Projection::Approvals, owner, AggregateType::Approval).await?;
    Ok(rows.map(|rows| Page::of(rows, |row| Approval::of(&api, row)).with_waiting(waiting)))
}
