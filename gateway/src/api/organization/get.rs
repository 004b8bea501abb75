//! `GET /api/v1/organizations/{organization}`

use axum::extract::State;
use projections::Projection;
use projections::postgres::organization;

use super::OrganizationPath;
use super::view::Organization;
use crate::api::ApiState;
use crate::api::guard::{Allowed, OrganizationsRead};
use crate::api::query::{Query, ReadQuery};
use crate::api::reads::Found;
use crate::problem::Problem;

/// Show an organization
#[utoipa::path(
    get,
    path = "/api/v1/organizations/{organization}",
    operation_id = "organizations_get",
    tag = "organizations",
    params(OrganizationPath, ReadQuery),
    responses((status = 200, description = "The organization", body = Organization))
)]
pub async fn get(
    State(api): State<ApiState>,
    allowed: Allowed<OrganizationsRead, OrganizationPath>,
    Query(query): Query<ReadQuery>,
) -> Result<Found<Organization>, Problem> {
    let id = allowed.at.organization;
    let known = || api.directory.organization(id).is_some();
    let row = api
        .read_one(Projection::Organizations, query.at_least, known, |pool| organization::get(pool, id))
        .await?;
    Ok(row.required()?.map(|row| Organization::of(&api, row)))
}
