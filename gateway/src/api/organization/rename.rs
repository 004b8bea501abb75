//! `PUT /api/v1/organizations/{organization}/name`

use axum::Json;
use domain::organization::Command;
use events::sealed::Field;

use super::OrganizationPath;
use crate::api::body::Body;
use crate::api::command::Asked;
use crate::api::guard::{Allowed, OrganizationsWrite};
use crate::api::text::NewName;
use crate::api::written::Written;
use crate::problem::Problem;

/// Rename an organization
#[utoipa::path(
    put,
    path = "/api/v1/organizations/{organization}/name",
    operation_id = "organizations_rename",
    tag = "organizations",
    params(OrganizationPath),
    request_body = NewName,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn rename(
    asked: Asked<Allowed<OrganizationsWrite, OrganizationPath>>,
    Body(request): Body<NewName>,
) -> Result<Json<Written>, Problem> {
    let order = asked.order("organizations.rename", &request).await?;
    let command = Command::Rename { name: order.seal(Field::Name, request.name.as_str())? };
    order.carry_out(command).await
}
