//! `PUT /api/v1/organizations/{organization}/client-approval`

use axum::Json;
use domain::organization::Command;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::body::Body;
use crate::api::command::Asked;
use crate::api::guard::{Allowed, ClientsWrite};
use crate::api::organization::OrganizationPath;
use crate::api::written::Written;
use crate::problem::Problem;

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetClientApproval {
    /// `true`: the organization's people may use those clients alone that it has approved; what others were granted stops
    /// working. `false`: any client, as in a new organization.
    required: bool,
}

/// Say whether clients need an approval
#[utoipa::path(
    put,
    path = "/api/v1/organizations/{organization}/client-approval",
    operation_id = "approvals_require",
    tag = "approvals",
    params(OrganizationPath),
    request_body = SetClientApproval,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn require(
    asked: Asked<Allowed<ClientsWrite, OrganizationPath>>,
    Body(request): Body<SetClientApproval>,
) -> Result<Json<Written>, Problem> {
    let order = asked.order("organizations.client_approval", &request).await?;
    order.carry_out(Command::SetClientApproval { required: request.required }).await
}
