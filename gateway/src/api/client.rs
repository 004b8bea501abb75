//! OAuth clients: the installation's, at `/api/v1/clients`, and those that an organization entered for its own people, at
//! `/api/v1/organizations/{organization}/clients`. Each endpoint is written once and serves both.

use domain::Client;
use events::{ClientId, OrganizationId, Owner, SecretId, Subject};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::ApiState;
use super::command::Object;
use super::guard::OwnedPath;
use super::owned;

mod change;
mod disable;
mod enable;
mod get;
mod list;
mod problem;
mod register;
mod remove;
mod secret;
mod settings;
mod view;

pub use view::document;

pub fn routes() -> OpenApiRouter<ApiState> {
    owned::by_either_or_at_the_top(|| {
        OpenApiRouter::new()
            .routes(routes!(list::list, register::register))
            .routes(routes!(get::get, change::change, remove::remove))
            .routes(routes!(disable::disable))
            .routes(routes!(enable::enable))
            .routes(routes!(secret::issue))
            .routes(routes!(secret::revoke))
    })
}

/// Where clients lie: with an organization, or with the installation.
#[derive(Clone, Debug, Deserialize)]
pub struct ClientsPath {
    /// Absent in the installation's paths.
    organization: Option<OrganizationId>,
}

/// One client in a path.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ClientPath {
    /// Absent in the installation's paths. Documented where the routes are put together.
    #[param(ignore)]
    organization: Option<OrganizationId>,
    /// The client's id. Of one that is known by a metadata document, `GET /api/v1/resolve` tells it.
    #[param(value_type = uuid::Uuid)]
    client: ClientId,
}

/// One of its secrets.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct SecretPath {
    #[param(ignore)]
    organization: Option<OrganizationId>,
    /// The client's id.
    #[param(value_type = uuid::Uuid)]
    client: ClientId,
    /// The secret's id.
    #[param(value_type = uuid::Uuid)]
    secret: SecretId,
}

impl ClientsPath {
    /// The address of the clients there.
    fn address(&self) -> String {
        match self.organization {
            None => "/api/v1/clients".to_owned(),
            Some(organization) => format!("/api/v1/organizations/{organization}/clients"),
        }
    }
}

fn owner(organization: Option<OrganizationId>) -> Owner {
    organization.map_or(Owner::Installation, Owner::Organization)
}

impl OwnedPath for ClientsPath {
    fn owner(&self) -> Owner {
        owner(self.organization)
    }
}

impl OwnedPath for ClientPath {
    fn owner(&self) -> Owner {
        owner(self.organization)
    }
}

impl OwnedPath for SecretPath {
    fn owner(&self) -> Owner {
        owner(self.organization)
    }
}

impl Object for ClientPath {
    type Aggregate = Client;

    fn id(&self) -> Uuid {
        self.client.uuid()
    }

    fn subject(&self) -> Subject {
        Subject::client(self.owner(), self.client)
    }

    fn ids(&self) -> Vec<String> {
        vec![self.owner().to_string(), self.client.to_string()]
    }
}

impl Object for SecretPath {
    type Aggregate = Client;

    fn id(&self) -> Uuid {
        self.client.uuid()
    }

    fn subject(&self) -> Subject {
        Subject::client(self.owner(), self.client)
    }

    fn ids(&self) -> Vec<String> {
        vec![self.owner().to_string(), self.client.to_string(), self.secret.to_string()]
    }
}
