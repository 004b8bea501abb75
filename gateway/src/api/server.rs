//! `/api/v1/organizations/{organization}/servers`: an organization's MCP servers.

use domain::server::Server;
use events::{OrganizationId, Owner, ServerId, Subject};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::ApiState;
use super::command::Object;
use super::guard::OwnedPath;

mod change;
mod get;
mod list;
mod problem;
mod register;
mod remove;
mod settings;
mod trial;
mod view;

pub use trial::Trials;

pub fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list::list, register::register)).routes(routes!(
        get::get,
        change::change,
        remove::remove
    ))
}

/// For a member that is true where nothing is said of it.
fn yes() -> bool {
    true
}

/// What is true without being said is not said.
fn is_yes(value: &bool) -> bool {
    *value
}

/// A server in a path.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ServerPath {
    /// The organization's id.
    #[param(value_type = uuid::Uuid)]
    pub organization: OrganizationId,
    /// The server's id.
    #[param(value_type = uuid::Uuid)]
    pub server: ServerId,
}

impl OwnedPath for ServerPath {
    fn owner(&self) -> Owner {
        Owner::Organization(self.organization)
    }
}

impl Object for ServerPath {
    type Aggregate = Server;

    fn id(&self) -> Uuid {
        self.server.uuid()
    }

    fn subject(&self) -> Subject {
        Subject::server(self.organization, self.server)
    }

    fn ids(&self) -> Vec<String> {
        vec![self.organization.to_string(), self.server.to_string()]
    }
}
