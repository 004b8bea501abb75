//! `DELETE /api/v1/organizations/{organization}/invitations/{invitation}`

use axum::Json;
use domain::invitation::Command;
use events::sealed::Field;

use super::InvitationPath;
use crate::api::body::OptionalBody;
use crate::api::command::Asked;
use crate::api::guard::{Allowed, InvitationsWrite};
use crate::api::text::{GiveReason, Reason};
use crate::api::written::Written;
use crate::problem::Problem;

/// Withdraw an invitation
///
/// Nobody becomes a member by it from then on. One by which somebody has is refused.
#[utoipa::path(
    delete,
    path = "/api/v1/organizations/{organization}/invitations/{invitation}",
    operation_id = "invitations_withdraw",
    tag = "invitations",
    params(InvitationPath),
    request_body = Option<GiveReason>,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn withdraw(
    asked: Asked<Allowed<InvitationsWrite, InvitationPath>>,
    OptionalBody(request): OptionalBody<GiveReason>,
) -> Result<Json<Written>, Problem> {
    let invitation = asked.by.at.invitation;
    let order = asked.order("invitations.withdraw", &request).await?;
    let reason = order.seal_some(Field::Reason, request.reason.as_ref().map(Reason::as_str))?;
    order.carry_out(Command::Withdraw { invitation, reason }).await
}
