//! `POST /api/v1/organizations/{organization}/suspend`

use axum::Json;
use domain::organization::Command;
use events::sealed::Field;

use super::OrganizationPath;
use crate::api::body::OptionalBody;
use crate::api::command::Asked;
use crate::api::guard::{Allowed, OrganizationsWrite};
use crate::api::text::{GiveReason, Reason};
use crate::api::written::Written;
use crate::problem::Problem;

/// Suspend an organization
///
/// None of its keys works until it is resumed. Only an admin key of the installation may.
#[utoipa::path(
    post,
    path = "/api/v1/organizations/{organization}/suspend",
    operation_id = "organizations_suspend",
    tag = "organizations",
    params(OrganizationPath),
    request_body = Option<GiveReason>,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn suspend(
    asked: Asked<Allowed<OrganizationsWrite, OrganizationPath>>,
    OptionalBody(request): OptionalBody<GiveReason>,
) -> Result<Json<Written>, Problem> {
    asked.by.admin.must_be_installation("suspend organizations")?;
    let order = asked.order("organizations.suspend", &request).await?;
    let reason = order.seal_some(Field::Reason, request.reason.as_ref().map(Reason::as_str))?;
    order.carry_out(Command::Suspend { reason }).await
}
