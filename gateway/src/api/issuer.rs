//! Issuers: the identity providers of an organization, at `/api/v1/organizations/{organization}/issuers`, and the
//! installation's own, at `/api/v1/installation/issuers`. Each endpoint is written once and serves both.

use domain::issuer::Issuer;
use events::{IssuerId, OrganizationId, Owner, Subject};
use projections::Projection;
use projections::postgres::{IssuerRow, issuer};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::ApiState;
use super::command::Object;
use super::guard::OwnedPath;
use super::owned;
use crate::problem::Problem;

mod change;
mod credential;
mod get;
mod list;
mod problem;
mod register;
mod remove;
mod settings;
mod test;
mod view;

/// Issuers that are tried at once; each takes as long as the issuer.
pub const TESTS_AT_ONCE: usize = 8;

pub fn routes() -> OpenApiRouter<ApiState> {
    owned::by_either(|| {
        OpenApiRouter::new()
            .routes(routes!(list::list, register::register))
            .routes(routes!(get::get, change::change, remove::remove))
            .routes(routes!(credential::set, credential::remove))
            .routes(routes!(test::test))
    })
}

/// Where issuers lie: with an organization, or with the installation.
#[derive(Clone, Debug, Deserialize)]
pub struct IssuersPath {
    /// Absent in the installation's paths.
    organization: Option<OrganizationId>,
}

/// One issuer in a path.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct IssuerPath {
    /// Absent in the installation's paths. Documented where the routes are put together.
    #[param(ignore)]
    organization: Option<OrganizationId>,
    /// The issuer's id.
    #[param(value_type = uuid::Uuid)]
    issuer: IssuerId,
}

impl IssuersPath {
    /// The address of the issuers there.
    fn address(&self) -> String {
        match self.organization {
            None => "/api/v1/installation/issuers".to_owned(),
            Some(organization) => format!("/api/v1/organizations/{organization}/issuers"),
        }
    }
}

impl OwnedPath for IssuersPath {
    fn owner(&self) -> Owner {
        self.organization.map_or(Owner::Installation, Owner::Organization)
    }
}

impl OwnedPath for IssuerPath {
    fn owner(&self) -> Owner {
        self.organization.map_or(Owner::Installation, Owner::Organization)
    }
}

impl Object for IssuerPath {
    type Aggregate = Issuer;

    fn id(&self) -> Uuid {
        self.issuer.uuid()
    }

    fn subject(&self) -> Subject {
        Subject::issuer(self.owner(), self.issuer)
    }

    fn ids(&self) -> Vec<String> {
        vec![self.owner().to_string(), self.issuer.to_string()]
    }
}

impl IssuerPath {
    /// The issuer as the read models have it; what is not there is told so.
    async fn row(&self, api: &ApiState) -> Result<IssuerRow, Problem> {
        let (owner, id) = (self.owner(), self.issuer);
        let row = api.read(Projection::Issuers, None, |pool| issuer::get(pool, owner, id)).await?;
        row.found.ok_or_else(Problem::not_found)
    }
}
