//! `/api/v1/organizations/{organization}/members`: what people are in an organization.

use domain::Member;
use events::{MemberId, OrganizationId, Owner, ScopeSet, Subject, UserId};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::ApiState;
use super::command::Object;
use super::guard::OwnedPath;
use crate::problem::Problem;

mod add;
mod change;
mod get;
mod list;
pub mod problem;
mod remove;
mod view;

pub fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list::list, add::add)).routes(routes!(
        get::get,
        change::change,
        remove::remove
    ))
}

/// A member in a path: by the person, who is one member of an organization.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct MemberPath {
    /// The organization's id.
    #[param(value_type = uuid::Uuid)]
    organization: OrganizationId,
    /// The person's id.
    #[param(value_type = uuid::Uuid)]
    person: UserId,
}

impl MemberPath {
    fn id(&self) -> MemberId {
        MemberId::of(self.organization, self.person)
    }
}

impl OwnedPath for MemberPath {
    fn owner(&self) -> Owner {
        Owner::Organization(self.organization)
    }
}

impl Object for MemberPath {
    type Aggregate = Member;

    fn id(&self) -> Uuid {
        MemberPath::id(self).uuid()
    }

    fn subject(&self) -> Subject {
        Subject::member(self.organization, MemberPath::id(self))
    }

    fn ids(&self) -> Vec<String> {
        vec![self.owner().to_string(), self.person.to_string()]
    }
}

/// What of MCP servers clients may be granted for a member: where nobody says otherwise, everything.
pub fn every_server() -> Result<ScopeSet, Problem> {
    "mcp:*".parse().map_err(|_| Problem::internal())
}
