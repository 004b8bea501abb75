//! `GET /api/v1/organizations/{organization}/members/{person}`

use axum::extract::State;
use projections::Projection;
use projections::postgres::member;

use super::MemberPath;
use super::view::Member;
use crate::api::ApiState;
use crate::api::guard::{Allowed, MembersRead};
use crate::api::query::{Query, ReadQuery};
use crate::api::reads::Found;
use crate::problem::Problem;

/// Show a member
#[utoipa::path(
    get,
    path = "/api/v1/organizations/{organization}/members/{person}",
    operation_id = "members_get",
    tag = "members",
    params(MemberPath, ReadQuery),
    responses((status = 200, description = "The member", body = Member))
)]
pub async fn get(
    State(api): State<ApiState>,
    Allowed { at, .. }: Allowed<MembersRead, MemberPath>,
    Query(query): Query<ReadQuery>,
) -> Result<Found<Member>, Problem> {
    let id = at.id();
    let row =
        api.read(Projection::Members, query.at_least, |pool| member::get(pool, id)).await?.required()?;
    Ok(row.map(|row| Member::of(&api, row)))
}
