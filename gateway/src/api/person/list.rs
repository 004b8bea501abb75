//! `GET /api/v1/people`

use axum::extract::State;
use events::{AggregateType, Owner};
use projections::Projection;
use projections::postgres::person;

use super::view::Person;
use crate::api::ApiState;
use crate::api::guard::{PeopleRead, Permitted};
use crate::api::query::{ListQuery, Page, Query};
use crate::api::reads::Found;
use crate::problem::Problem;

/// List people
///
/// Newest first, those who are ended included. Only an admin key of the installation may.
#[utoipa::path(
    get,
    path = "/api/v1/people",
    operation_id = "people_list",
    tag = "people",
    params(ListQuery),
    responses((status = 200, description = "A page of people", body = Page<Person>))
)]
pub async fn list(
    State(api): State<ApiState>,
    permitted: Permitted<PeopleRead>,
    Query(query): Query<ListQuery>,
) -> Result<Found<Page<Person>>, Problem> {
    permitted.admin.must_be_installation("list people")?;
    let page = query.page()?;
    let rows = api.read(Projection::People, query.at_least, |pool| person::list(pool, &page)).await?;
    let waiting = api.waiting(Projection::People, Owner::Installation, AggregateType::Person).await?;
    Ok(rows.map(|rows| Page::of(rows, |row| Person::of(&api, row)).with_waiting(waiting)))
}
