//! `GET /api/v1/organizations/{organization}/members`

use axum::extract::State;
use events::{AggregateType, Owner};
use projections::Projection;
use projections::postgres::member;

use super::view::Member;
use crate::api::ApiState;
use crate::api::guard::{Allowed, MembersRead};
use crate::api::organization::OrganizationPath;
use crate::api::query::{ListQuery, Page, Query};
use crate::api::reads::Found;
use crate::problem::Problem;

/// List an organization's members
///
/// Newest first, removed ones included.
#[utoipa::path(
    get,
    path = "/api/v1/organizations/{organization}/members",
    operation_id = "members_list",
    tag = "members",
    params(OrganizationPath, ListQuery),
    responses((status = 200, description = "A page of members", body = Page<Member>))
)]
pub async fn list(
    State(api): State<ApiState>,
    Allowed { at, .. }: Allowed<MembersRead, OrganizationPath>,
    Query(query): Query<ListQuery>,
) -> Result<Found<Page<Member>>, Problem> {
    let (page, organization) = (query.page()?, at.organization);
    let rows =
        api.read(Projection::Members, query.at_least, |pool| member::list(pool, organization, &page)).await?;
    api.exists_if(!rows.found.items.is_empty(), &at).await?;
    let owner = Owner::Organization(organization);
    let waiting = api.waiting(Projection::Members, owner, AggregateType::Member).await?;
    Ok(rows.map(|rows| Page::of(rows, |row| Member::of(&api, row)).with_waiting(waiting)))
}
