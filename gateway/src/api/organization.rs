//! `/api/v1/organizations`: an organization and what is done to it.

use events::{OrganizationId, Owner};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::ApiState;
use super::guard::Place;

mod create;
pub mod problem;
mod rename;
mod resume;
mod suspend;

pub fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(create::create))
        .routes(routes!(rename::rename))
        .routes(routes!(suspend::suspend))
        .routes(routes!(resume::resume))
}

/// An organization in a path.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct OrganizationPath {
    /// The organization's id.
    #[param(value_type = uuid::Uuid)]
    pub organization: OrganizationId,
}

impl Place for OrganizationPath {
    fn owner(&self) -> Owner {
        Owner::Organization(self.organization)
    }
}
