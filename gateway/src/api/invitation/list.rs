//! `GET /api/v1/organizations/{organization}/invitations`

use axum::extract::State;
use events::{AggregateType, Owner};
use projections::Projection;
use projections::postgres::invitation;

use super::view::Invitation;
use crate::api::ApiState;
use crate::api::guard::{Allowed, InvitationsRead};
use crate::api::organization::OrganizationPath;
use crate::api::query::{ListQuery, Page, Query};
use crate::api::reads::Found;
use crate::problem::Problem;

/// List an organization's invitations
///
/// Newest first, those that came to something included.
#[utoipa::path(
    get,
    path = "/api/v1/organizations/{organization}/invitations",
    operation_id = "invitations_list",
    tag = "invitations",
    params(OrganizationPath, ListQuery),
    responses((status = 200, description = "A page of invitations", body = Page<Invitation>))
)]
pub async fn list(
    State(api): State<ApiState>,
    Allowed { at, .. }: Allowed<InvitationsRead, OrganizationPath>,
    Query(query): Query<ListQuery>,
) -> Result<Found<Page<Invitation>>, Problem> {
    let (page, organization) = (query.page()?, at.organization);
    let rows = api
        .read(Projection::Invitations, query.at_least, |pool| invitation::list(pool, organization, &page))
        .await?;
    api.exists_if(!rows.found.items.is_empty(), &at).await?;
    let owner = Owner::Organization(organization);
    let waiting = api.waiting(Projection::Invitations, owner, AggregateType::Invitation).await?;
    Ok(rows.map(|rows| Page::of(rows, |row| Invitation::of(&api, row)).with_waiting(waiting)))
}
