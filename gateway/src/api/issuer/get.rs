//! `GET …/issuers/{issuer}`

use axum::extract::State;
use projections::Projection;
use projections::postgres::issuer;

use super::IssuerPath;
use super::view::Issuer;
use crate::api::ApiState;
use crate::api::guard::{Allowed, IssuersRead, OwnedPath};
use crate::api::query::{Query, ReadQuery};
use crate::api::reads::Found;
use crate::problem::Problem;

/// Show an issuer
#[utoipa::path(
    get,
    path = "/issuers/{issuer}",
    operation_id = "issuers_get",
    tag = "issuers",
    params(IssuerPath, ReadQuery),
    responses((status = 200, description = "The issuer", body = Issuer))
)]
pub async fn get(
    State(api): State<ApiState>,
    Allowed { at, .. }: Allowed<IssuersRead, IssuerPath>,
    Query(query): Query<ReadQuery>,
) -> Result<Found<Issuer>, Problem> {
    let (owner, id) = (at.owner(), at.issuer);
    let row = api.read(Projection::Issuers, query.at_least, |pool| issuer::get(pool, owner, id)).await?;
    Ok(row.required()?.map(|row| Issuer::of(&api, row)))
}
