//! `POST /api/v1/organizations/{organization}/members`

use domain::member::Command;
use events::{Role, ScopeSet, UserId};
use projections::directory::PersonState;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{MemberPath, every_server};
use crate::api::body::Body;
use crate::api::command::Asked;
use crate::api::guard::{Allowed, MembersWrite};
use crate::api::organization::OrganizationPath;
use crate::api::written::{Created, Written};
use crate::problem::Problem;

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddMember {
    #[schema(value_type = uuid::Uuid)]
    person: UserId,
    /// `owner`, `admin`, `developer`, `auditor` or `viewer`. It is given by who holds all of its scopes.
    #[schema(value_type = String, example = "developer")]
    role: Role,
    /// What of MCP servers clients may be granted for the person; absent: everything (`mcp:*`).
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    scopes: Option<ScopeSet>,
}

/// Add a member
///
/// One who was removed may be added again.
#[utoipa::path(
    post,
    path = "/api/v1/organizations/{organization}/members",
    operation_id = "members_add",
    tag = "members",
    params(OrganizationPath),
    request_body = AddMember,
    responses((status = 201, description = "Added", body = Written))
)]
pub async fn add(
    asked: Asked<Allowed<MembersWrite, OrganizationPath>>,
    Body(request): Body<AddMember>,
) -> Result<Created, Problem> {
    let person = asked.api.directory.person(request.person);
    if person.is_none_or(|entry| matches!(entry.state, PersonState::Ended | PersonState::Forgotten)) {
        return Err(Problem::invalid("person", "There is nobody with this id, or the person is ended."));
    }
    let scopes = request.scopes.clone().map_or_else(every_server, Ok)?;
    let asked = asked.at(|at| MemberPath { organization: at.organization, person: request.person });
    let location = format!("/api/v1/organizations/{}/members/{}", asked.by.at.organization, request.person);
    let order = asked.order("members.add", &request).await?;
    let command = Command::Add { person: request.person, role: request.role, scopes, invitation: None };
    let written = order.execute(command).await?.written;
    Ok(Created { location, written })
}
