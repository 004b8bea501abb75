//! `GET /api/v1/organizations/{organization}/invitations/{invitation}`

use axum::extract::State;
use projections::Projection;
use projections::postgres::invitation;

use super::InvitationPath;
use super::view::Invitation;
use crate::api::ApiState;
use crate::api::guard::{Allowed, InvitationsRead};
use crate::api::query::{Query, ReadQuery};
use crate::api::reads::Found;
use crate::problem::Problem;

/// Show an invitation
#[utoipa::path(
    get,
    path = "/api/v1/organizations/{organization}/invitations/{invitation}",
    operation_id = "invitations_get",
    tag = "invitations",
    params(InvitationPath, ReadQuery),
    responses((status = 200, description = "The invitation", body = Invitation))
)]
pub async fn get(
    State(api): State<ApiState>,
    Allowed { at, .. }: Allowed<InvitationsRead, InvitationPath>,
    Query(query): Query<ReadQuery>,
) -> Result<Found<Invitation>, Problem> {
    let (organization, id) = (at.organization, at.invitation);
    let row = api
        .read(Projection::Invitations, query.at_least, |pool| invitation::get(pool, organization, id))
        .await?
        .required()?;
    Ok(row.map(|row| Invitation::of(&api, row)))
}
