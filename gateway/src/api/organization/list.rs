//! `GET /api/v1/organizations`

use axum::extract::State;
use events::{AggregateType, Owner, Position, Slug};
use projections::Projection;
use projections::postgres::organization;
use serde::Deserialize;
use utoipa::IntoParams;

use super::view::Organization;
use crate::api::ApiState;
use crate::api::guard::{Admin, OrganizationsRead, Permitted};
use crate::api::query::{Limit, ListQuery, Page, Query};
use crate::api::reads::Found;
use crate::problem::Problem;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListOrganizations {
    /// Only the organization of this slug.
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

/// List organizations
///
/// Newest first. An organization's key sees its own organization.
#[utoipa::path(
    get,
    path = "/api/v1/organizations",
    operation_id = "organizations_list",
    tag = "organizations",
    params(ListOrganizations),
    responses((status = 200, description = "A page of organizations", body = Page<Organization>))
)]
pub async fn list(
    State(api): State<ApiState>,
    permitted: Permitted<OrganizationsRead>,
    Query(query): Query<ListOrganizations>,
) -> Result<Found<Page<Organization>>, Problem> {
    let ListOrganizations { slug, limit, cursor, at_least } = query;
    if let Some(slug) = slug {
        return named(&api, &permitted.admin, &slug, at_least).await;
    }
    if let Owner::Organization(own) = permitted.admin.owner() {
        let row = api
            .read_one(Projection::Organizations, at_least, || true, |pool| organization::get(pool, own))
            .await?;
        return Ok(row.map(|row| Page::one(row.map(|row| Organization::of(&api, row)))));
    }
    let page = ListQuery { limit, cursor, at_least }.page()?;
    let rows = api.read(Projection::Organizations, at_least, |pool| organization::list(pool, &page)).await?;
    let waiting =
        api.waiting(Projection::Organizations, Owner::Installation, AggregateType::Organization).await?;
    Ok(rows.map(|rows| Page::of(rows, |row| Organization::of(&api, row)).with_waiting(waiting)))
}

/// The slug's owner, from memory; the rest of it from the read models.
async fn named(
    api: &ApiState,
    admin: &Admin,
    slug: &Slug,
    at_least: Option<Position>,
) -> Result<Found<Page<Organization>>, Problem> {
    api.wait_applied(at_least).await?;
    let found = api.directory.organization_by_slug(slug.as_str());
    let Some(id) = found.map(|entry| entry.id).filter(|id| admin.reaches(Owner::Organization(*id))) else {
        return Ok(Found { found: Page::one(None), as_of: None });
    };
    let row = api
        .read_one(Projection::Organizations, at_least, || true, |pool| organization::get(pool, id))
        .await?;
    Ok(row.map(|row| Page::one(row.map(|row| Organization::of(api, row)))))
}
