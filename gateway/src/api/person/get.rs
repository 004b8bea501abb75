//! `GET /api/v1/people/{person}`

use axum::extract::State;
use projections::Projection;
use projections::postgres::person;

use super::PersonPath;
use super::held::Held;
use super::view::{Person, PersonShown};
use crate::api::ApiState;
use crate::api::guard::{Allowed, PeopleRead};
use crate::api::query::{Query, ReadQuery};
use crate::api::reads::Found;
use crate::problem::Problem;

/// Show a person and all that they hold
#[utoipa::path(
    get,
    path = "/api/v1/people/{person}",
    operation_id = "people_get",
    tag = "people",
    params(PersonPath, ReadQuery),
    responses((status = 200, description = "The person", body = PersonShown))
)]
pub async fn get(
    State(api): State<ApiState>,
    Allowed { at, .. }: Allowed<PeopleRead, PersonPath>,
    Query(query): Query<ReadQuery>,
) -> Result<Found<PersonShown>, Problem> {
    let id = at.person;
    let row = api.read(Projection::People, query.at_least, |pool| person::get(pool, id)).await?.required()?;
    let holds = Held::of(&api, id).await;
    Ok(row.map(|row| PersonShown { person: Person::of(&api, row), holds }))
}
