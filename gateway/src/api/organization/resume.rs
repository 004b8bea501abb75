//! `POST /api/v1/organizations/{organization}/resume`

use axum::Json;
use domain::organization::Command;

use super::OrganizationPath;
use crate::api::body::{Empty, OptionalBody};
use crate::api::command::Asked;
use crate::api::guard::{Allowed, OrganizationsWrite};
use crate::api::written::Written;
use crate::problem::Problem;

/// Resume a suspended organization
///
/// Its keys work again. Only an admin key of the installation may.
#[utoipa::path(
    post,
    path = "/api/v1/organizations/{organization}/resume",
    operation_id = "organizations_resume",
    tag = "organizations",
    params(OrganizationPath),
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn resume(
    asked: Asked<Allowed<OrganizationsWrite, OrganizationPath>>,
    OptionalBody(request): OptionalBody<Empty>,
) -> Result<Json<Written>, Problem> {
    asked.by.admin.must_be_installation("resume organizations")?;
    let order = asked.order("organizations.resume", &request).await?;
    order.carry_out(Command::Resume).await
}
