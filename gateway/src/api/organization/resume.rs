//! `POST /api/v1/organizations/{organization}/resume`

use axum::Json;
use axum::extract::State;
use domain::organization::{Command, Organization};
use events::Subject;

use super::OrganizationPath;
use super::problem::problem;
use crate::api::ApiState;
use crate::api::body::{Empty, OptionalBody};
use crate::api::command::Ordered;
use crate::api::guard::{Allowed, OrganizationsWrite, Place};
use crate::api::idempotency::IdempotencyKey;
use crate::api::problem::Problem;
use crate::api::written::Written;

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
    State(api): State<ApiState>,
    allowed: Allowed<OrganizationsWrite, OrganizationPath>,
    idempotency: IdempotencyKey,
    OptionalBody(request): OptionalBody<Empty>,
) -> Result<Json<Written>, Problem> {
    allowed.admin.must_be_installation("resume organizations")?;
    let id = allowed.at.organization;
    let ordered = Ordered {
        admin: &allowed.admin,
        owner: allowed.at.owner(),
        idempotency: &idempotency,
        operation: "organizations.resume",
        place: &[&id],
        request: &request,
    };
    let order = api.order(ordered).await?;
    let done = order.execute::<Organization>(Subject::organization(id), Command::Resume, problem).await?;
    Ok(Json(Written::new(id.uuid(), &done)))
}
