//! `PUT /api/v1/organizations/{organization}/name`

use axum::Json;
use axum::extract::State;
use domain::organization::{Command, Organization};
use events::Subject;

use super::OrganizationPath;
use super::problem::problem;
use crate::api::ApiState;
use crate::api::body::Body;
use crate::api::command::Ordered;
use crate::api::guard::{Allowed, OrganizationsWrite, Place};
use crate::api::idempotency::IdempotencyKey;
use crate::api::problem::Problem;
use crate::api::text::NewName;
use crate::api::written::Written;

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
    State(api): State<ApiState>,
    allowed: Allowed<OrganizationsWrite, OrganizationPath>,
    idempotency: IdempotencyKey,
    Body(request): Body<NewName>,
) -> Result<Json<Written>, Problem> {
    let id = allowed.at.organization;
    let ordered = Ordered {
        admin: &allowed.admin,
        owner: allowed.at.owner(),
        idempotency: &idempotency,
        operation: "organizations.rename",
        place: &[&id],
        request: &request,
    };
    let order = api.order(ordered).await?;
    let subject = Subject::organization(id);
    let command = Command::Rename { name: order.seal(&subject, "name", request.name.as_str())? };
    let done = order.execute::<Organization>(subject, command, problem).await?;
    Ok(Json(Written::new(id.uuid(), &done)))
}
