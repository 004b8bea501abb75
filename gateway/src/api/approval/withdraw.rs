//! `DELETE …/approvals/{client}`

use axum::Json;
use domain::approval::Command;
use events::sealed::Field;

use super::ApprovalPath;
use crate::api::body::OptionalBody;
use crate::api::command::Asked;
use crate::api::guard::{Allowed, ClientsWrite};
use crate::api::text::{GiveReason, Reason};
use crate::api::written::Written;
use crate::problem::Problem;

/// Withdraw a client's approval
///
/// Where the organization requires an approval, what its people granted to the client stops working until it is given again.
#[utoipa::path(
    delete,
    path = "/api/v1/organizations/{organization}/approvals/{client}",
    operation_id = "approvals_withdraw",
    tag = "approvals",
    params(ApprovalPath),
    request_body = Option<GiveReason>,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn withdraw(
    asked: Asked<Allowed<ClientsWrite, ApprovalPath>>,
    OptionalBody(request): OptionalBody<GiveReason>,
) -> Result<Json<Written>, Problem> {
    let order = asked.order("approvals.withdraw", &request).await?;
    let reason = order.seal_some(Field::Reason, request.reason.as_ref().map(Reason::as_str))?;
    order.carry_out(Command::Withdraw { reason }).await
}
