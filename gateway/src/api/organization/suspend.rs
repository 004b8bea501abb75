//! `POST /api/v1/organizations/{organization}/suspend`

use axum::Json;
use axum::extract::State;
use domain::organization::{Command, Organization};
use events::Subject;

use super::OrganizationPath;
use super::problem::problem;
use crate::api::ApiState;
use crate::api::body::OptionalBody;
use crate::api::command::Ordered;
use crate::api::guard::{Allowed, OrganizationsWrite, Place};
use crate::api::idempotency::IdempotencyKey;
use crate::api::problem::Problem;
use crate::api::text::{GiveReason, Reason};
use crate::api::written::Written;

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
    State(api): State<ApiState>,
    allowed: Allowed<OrganizationsWrite, OrganizationPath>,
    idempotency: IdempotencyKey,
    OptionalBody(request): OptionalBody<GiveReason>,
) -> Result<Json<Written>, Problem> {
    allowed.admin.must_be_installation("suspend organizations")?;
    let id = allowed.at.organization;
    let ordered = Ordered {
        admin: &allowed.admin,
        owner: allowed.at.owner(),
        idempotency: &idempotency,
        operation: "organizations.suspend",
        place: &[&id],
        request: &request,
    };
    let order = api.order(ordered).await?;
    let subject = Subject::organization(id);
    let reason = order.seal_some(&subject, "reason", request.reason.as_ref().map(Reason::as_str))?;
    let done = order.execute::<Organization>(subject, Command::Suspend { reason }, problem).await?;
    Ok(Json(Written::new(id.uuid(), &done)))
}
