//! `/api/v1/organizations/{organization}/consents`: what people, and those who hold keys, let clients do.

use domain::Consent;
use events::{ConsentId, OrganizationId, Owner, Subject};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::ApiState;
use super::command::Object;
use super::guard::OwnedPath;

mod list;
mod problem;
mod query;
mod view;
mod withdraw;

pub fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list::list)).routes(routes!(withdraw::withdraw))
}

/// A consent in a path.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ConsentPath {
    /// The organization's id.
    #[param(value_type = uuid::Uuid)]
    organization: OrganizationId,
    /// The consent's id.
    #[param(value_type = uuid::Uuid)]
    consent: ConsentId,
}

impl OwnedPath for ConsentPath {
    fn owner(&self) -> Owner {
        Owner::Organization(self.organization)
    }
}

impl Object for ConsentPath {
    type Aggregate = Consent;

    fn id(&self) -> Uuid {
        self.consent.uuid()
    }

    fn subject(&self) -> Subject {
        Subject::consent(self.organization, self.consent)
    }

    fn ids(&self) -> Vec<String> {
        vec![self.owner().to_string(), self.consent.to_string()]
    }
}
