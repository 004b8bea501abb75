//! API keys: those of an organization, at `/api/v1/organizations/{organization}/keys`, and the installation's own,
//! at `/api/v1/installation/keys`. Each endpoint is written once and serves both.

use domain::key::Key;
use events::{KeyId, OrganizationId, Owner, Subject};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::ApiState;
use super::command::Object;
use super::guard::Place;
use super::owned;

mod disable;
mod enable;
mod expiry;
mod get;
mod history;
mod issue;
mod list;
mod metadata;
mod problem;
mod rename;
mod revoke;
mod scopes;
pub mod verify;
mod view;

pub fn routes() -> OpenApiRouter<ApiState> {
    owned::by_either(|| {
        OpenApiRouter::new()
            .routes(routes!(list::list, issue::issue))
            .routes(routes!(get::get))
            .routes(routes!(history::history))
            .routes(routes!(revoke::revoke))
            .routes(routes!(disable::disable))
            .routes(routes!(enable::enable))
            .routes(routes!(rename::rename))
            .routes(routes!(expiry::set_expiry))
            .routes(routes!(scopes::set_scopes))
            .routes(routes!(metadata::set_metadata))
    })
}

/// Where keys lie: with an organization, or with the installation.
#[derive(Clone, Debug, Deserialize)]
pub struct KeysPath {
    /// Absent in the installation's paths.
    organization: Option<OrganizationId>,
}

/// One key in a path.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct KeyPath {
    /// Absent in the installation's paths. Documented where the routes are put together.
    #[param(ignore)]
    organization: Option<OrganizationId>,
    /// The key's id.
    #[param(value_type = uuid::Uuid)]
    key: KeyId,
}

impl KeysPath {
    /// The address of the keys there.
    fn address(&self) -> String {
        match self.organization {
            None => "/api/v1/installation/keys".to_owned(),
            Some(organization) => format!("/api/v1/organizations/{organization}/keys"),
        }
    }
}

impl Place for KeysPath {
    fn owner(&self) -> Owner {
        self.organization.map_or(Owner::Installation, Owner::Organization)
    }
}

impl Place for KeyPath {
    fn owner(&self) -> Owner {
        self.organization.map_or(Owner::Installation, Owner::Organization)
    }
}

impl Object for KeyPath {
    type Aggregate = Key;

    fn id(&self) -> Uuid {
        self.key.uuid()
    }

    fn subject(&self) -> Subject {
        Subject::key(self.owner(), self.key)
    }

    fn ids(&self) -> Vec<String> {
        vec![self.owner().to_string(), self.key.to_string()]
    }
}
