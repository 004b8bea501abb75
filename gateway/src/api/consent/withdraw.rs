//! `POST /api/v1/organizations/{organization}/consents/{consent}/withdraw`

use axum::Json;
use domain::consent::Command;
use events::sealed::Field;

use super::ConsentPath;
use crate::api::body::OptionalBody;
use crate::api::command::Asked;
use crate::api::guard::{Allowed, GrantsWrite};
use crate::api::text::{GiveReason, Reason};
use crate::api::written::Written;
use crate::problem::Problem;

/// Withdraw a consent
///
/// Every grant that came of it is refused from then on, also once it is given again. The person is asked the next time that
/// the client connects.
#[utoipa::path(
    post,
    path = "/api/v1/organizations/{organization}/consents/{consent}/withdraw",
    operation_id = "consents_withdraw",
    tag = "consents",
    params(ConsentPath),
    request_body = Option<GiveReason>,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn withdraw(
    asked: Asked<Allowed<GrantsWrite, ConsentPath>>,
    OptionalBody(request): OptionalBody<GiveReason>,
) -> Result<Json<Written>, Problem> {
    let order = asked.order("consents.withdraw", &request).await?;
    let reason = order.seal_some(Field::Reason, request.reason.as_ref().map(Reason::as_str))?;
    order.carry_out(Command::Withdraw { reason }).await
}
