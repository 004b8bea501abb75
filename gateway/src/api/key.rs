//! API keys: `/api/v1/organizations/{organization}/keys` and, for the installation's own,
//! `/api/v1/installation/keys`. Each endpoint's file serves both.

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
use super::organization::OrganizationPath;

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
        .routes(routes!(list::list_installation, issue::issue_installation))
        .routes(routes!(get::get_installation))
        .routes(routes!(history::history_installation))
        .routes(routes!(revoke::revoke_installation))
        .routes(routes!(disable::disable_installation))
        .routes(routes!(enable::enable_installation))
        .routes(routes!(rename::rename_installation))
        .routes(routes!(expiry::set_expiry_installation))
        .routes(routes!(scopes::set_scopes_installation))
        .routes(routes!(metadata::set_metadata_installation))
}

/// Where keys lie: with an organization, or with the installation.
pub trait KeysPlace: Place + Sync {
    /// The address of the keys there.
    fn address(&self) -> String {
        match self.owner() {
            Owner::Installation => "/api/v1/installation/keys".to_owned(),
            Owner::Organization(organization) => format!("/api/v1/organizations/{organization}/keys"),
        }
    }
}

/// One key's place.
pub trait KeyPlace: Place + Sync {
    fn key(&self) -> KeyId;
}

/// The installation in a path.
#[derive(Clone, Debug, Deserialize)]
pub struct InstallationPath {}

/// An organization's key in a path.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct KeyPath {
    /// The organization's id.
    #[param(value_type = uuid::Uuid)]
    pub organization: OrganizationId,
    /// The key's id.
    #[param(value_type = uuid::Uuid)]
    pub key: KeyId,
}

/// An installation's key in a path.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct InstallationKeyPath {
    /// The key's id.
    #[param(value_type = uuid::Uuid)]
    pub key: KeyId,
}

impl Place for InstallationPath {
    fn owner(&self) -> Owner {
        Owner::Installation
    }
}

impl Place for KeyPath {
    fn owner(&self) -> Owner {
        Owner::Organization(self.organization)
    }
}

impl Place for InstallationKeyPath {
    fn owner(&self) -> Owner {
        Owner::Installation
    }
}

impl KeysPlace for OrganizationPath {}
impl KeysPlace for InstallationPath {}

impl KeyPlace for KeyPath {
    fn key(&self) -> KeyId {
        self.key
    }
}

impl KeyPlace for InstallationKeyPath {
    fn key(&self) -> KeyId {
        self.key
    }
}

impl<T: KeyPlace> Object for T {
    type Aggregate = Key;

    fn id(&self) -> Uuid {
        self.key().uuid()
    }

    fn subject(&self) -> Subject {
        Subject::key(self.owner(), self.key())
    }

    fn ids(&self) -> Vec<String> {
        vec![self.owner().to_string(), self.key().to_string()]
    }
}
