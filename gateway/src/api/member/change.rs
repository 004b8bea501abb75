//! `PATCH /api/v1/organizations/{organization}/members/{person}`

use axum::Json;
use domain::member::Command;
use events::{Role, ScopeSet};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::MemberPath;
use crate::api::body::Body;
use crate::api::command::Asked;
use crate::api::guard::{Allowed, MembersWrite};
use crate::api::written::Written;
use crate::problem::Problem;

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeMember {
    /// Absent: stays as it is.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "admin")]
    role: Option<Role>,
    /// What of MCP servers clients may be granted for the person; absent: stays as it is.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    scopes: Option<ScopeSet>,
    /// Also where the organization has no other owner.
    #[serde(default)]
    leave_without_owner: bool,
}

/// Change what a member may do
///
/// A role is given and taken away by who holds all of its scopes: owners are changed by owners alone. The last owner stays
/// one, unless it is asked for otherwise.
#[utoipa::path(
    patch,
    path = "/api/v1/organizations/{organization}/members/{person}",
    operation_id = "members_change",
    tag = "members",
    params(MemberPath),
    request_body = ChangeMember,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn change(
    asked: Asked<Allowed<MembersWrite, MemberPath>>,
    Body(request): Body<ChangeMember>,
) -> Result<Json<Written>, Problem> {
    let order = asked.order("members.change", &request).await?;
    let ChangeMember { role, scopes, leave_without_owner } = request;
    order.carry_out(Command::Change { role, scopes, leave_without_owner }).await
}
