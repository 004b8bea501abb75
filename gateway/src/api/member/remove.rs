//! `DELETE /api/v1/organizations/{organization}/members/{person}`

use axum::Json;
use domain::member::Command;
use events::sealed::Field;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::MemberPath;
use crate::api::body::OptionalBody;
use crate::api::command::Asked;
use crate::api::guard::{Allowed, MembersWrite};
use crate::api::text::Reason;
use crate::api::written::Written;
use crate::problem::Problem;

#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveMember {
    /// Kept in the history, sealed.
    #[serde(default)]
    reason: Option<Reason>,
    /// Also where the organization has no other owner.
    #[serde(default)]
    leave_without_owner: bool,
}

/// Remove a member
///
/// Nothing that the person has in the organization works any more: no grant, no key that speaks for them there.
#[utoipa::path(
    delete,
    path = "/api/v1/organizations/{organization}/members/{person}",
    operation_id = "members_remove",
    tag = "members",
    params(MemberPath),
    request_body = Option<RemoveMember>,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn remove(
    asked: Asked<Allowed<MembersWrite, MemberPath>>,
    OptionalBody(request): OptionalBody<RemoveMember>,
) -> Result<Json<Written>, Problem> {
    let order = asked.order("members.remove", &request).await?;
    let reason = order.seal_some(Field::Reason, request.reason.as_ref().map(Reason::as_str))?;
    let leave_without_owner = request.leave_without_owner;
    order.carry_out(Command::Remove { reason, leave_without_owner }).await
}
