//! `/api/v1/organizations/{organization}/grants`: what clients may do in an organization, by whose right, and for how long.

use domain::Grant;
use events::{GrantId, OrganizationId, Owner, Subject};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::ApiState;
use super::command::Object;
use super::guard::OwnedPath;

mod end;
mod get;
mod list;
mod problem;
mod query;
mod view;

pub use view::{GrantedClient, GrantedHolder, Works};

pub fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list::list)).routes(routes!(get::get)).routes(routes!(end::end))
}

/// A grant in a path.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct GrantPath {
    /// The organization's id.
    #[param(value_type = uuid::Uuid)]
    organization: OrganizationId,
    /// The grant's id.
    #[param(value_type = uuid::Uuid)]
    grant: GrantId,
}

impl OwnedPath for GrantPath {
    fn owner(&self) -> Owner {
        Owner::Organization(self.organization)
    }
}

impl Object for GrantPath {
    type Aggregate = Grant;

    fn id(&self) -> Uuid {
        self.grant.uuid()
    }

    fn subject(&self) -> Subject {
        Subject::grant(self.organization, self.grant)
    }

    fn ids(&self) -> Vec<String> {
        vec![self.owner().to_string(), self.grant.to_string()]
    }
}
