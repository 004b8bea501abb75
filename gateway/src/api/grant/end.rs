//! `POST /api/v1/organizations/{organization}/grants/{grant}/end`

use axum::Json;
use domain::grant::Command;
use events::grant::EndCause;
use events::sealed::Field;

use super::GrantPath;
use crate::api::body::OptionalBody;
use crate::api::command::Asked;
use crate::api::guard::{Allowed, GrantsWrite};
use crate::api::text::{GiveReason, Reason};
use crate::api::written::Written;
use crate::problem::Problem;

/// End a grant
///
/// For ever: its tokens are refused, its refresh tokens give none, and streams that are open by it are cut. The consent stays,
/// so that the person can connect again without being asked; withdraw that one as well where it should not.
#[utoipa::path(
    post,
    path = "/api/v1/organizations/{organization}/grants/{grant}/end",
    operation_id = "grants_end",
    tag = "grants",
    params(GrantPath),
    request_body = Option<GiveReason>,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn end(
    asked: Asked<Allowed<GrantsWrite, GrantPath>>,
    OptionalBody(request): OptionalBody<GiveReason>,
) -> Result<Json<Written>, Problem> {
    let order = asked.order("grants.end", &request).await?;
    let reason = order.seal_some(Field::Reason, request.reason.as_ref().map(Reason::as_str))?;
    order.carry_out(Command::End { cause: EndCause::Revoked, reason }).await
}
