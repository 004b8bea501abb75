//! `/api/v1/organizations`: an organization and what is done to it.

use domain::organization::Organization;
use events::{OrganizationId, Owner, Subject};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::ApiState;
use super::command::Object;
use super::guard::OwnedPath;

mod create;
mod forget;
mod forgotten;
mod get;
mod history;
mod list;
pub mod problem;
mod rename;
mod resume;
mod suspend;
mod view;

pub fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list::list, create::create))
        .routes(routes!(get::get))
        .routes(routes!(rename::rename))
        .routes(routes!(suspend::suspend))
        .routes(routes!(resume::resume))
        .routes(routes!(forget::forget))
        .routes(routes!(forgotten::certificate))
        .routes(routes!(history::history))
}

/// An organization in a path.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct OrganizationPath {
    /// The organization's id.
    #[param(value_type = uuid::Uuid)]
    pub organization: OrganizationId,
}

impl OwnedPath for OrganizationPath {
    fn owner(&self) -> Owner {
        Owner::Organization(self.organization)
    }
}

impl Object for OrganizationPath {
    type Aggregate = Organization;

    fn id(&self) -> Uuid {
        self.organization.uuid()
    }

    fn subject(&self) -> Subject {
        Subject::organization(self.organization)
    }

    fn ids(&self) -> Vec<String> {
        vec![self.organization.to_string()]
    }
}
