//! `GET /api/v1/organizations/{organization}/grants/{grant}`

use axum::extract::State;
use projections::Projection;
use projections::postgres::grant;

use super::GrantPath;
use super::view::Grant;
use crate::api::ApiState;
use crate::api::guard::{Allowed, GrantsRead};
use crate::api::query::{Query, ReadQuery};
use crate::api::reads::Found;
use crate::problem::Problem;

/// Show a grant, and whether it works
#[utoipa::path(
    get,
    path = "/api/v1/organizations/{organization}/grants/{grant}",
    operation_id = "grants_get",
    tag = "grants",
    params(GrantPath, ReadQuery),
    responses((status = 200, description = "The grant", body = Grant))
)]
pub async fn get(
    State(api): State<ApiState>,
    Allowed { at, .. }: Allowed<GrantsRead, GrantPath>,
    Query(query): Query<ReadQuery>,
) -> Result<Found<Grant>, Problem> {
    let (organization, id, now) = (at.organization, at.grant, api.clock.now());
    let known = || api.directory.grant(id).is_some_and(|entry| entry.organization == organization);
    let row = api
        .read_one(Projection::Grants, query.at_least, known, |pool| grant::get(pool, organization, id, now));
    Ok(row.await?.required()?.map(|row| Grant::of(&api, row)))
}
