//! `/api/v1/people`: people, who are the installation's. What each is in an organization is at `…/members`.

use domain::person::Person;
use events::{Owner, Subject, UserId};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::ApiState;
use super::command::Object;
use super::guard::OwnedPath;

mod add;
mod change;
mod end;
mod get;
mod held;
mod identity;
mod list;
mod problem;
mod sessions;
mod view;

pub fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list::list, add::add))
        .routes(routes!(get::get))
        .routes(routes!(change::suspend))
        .routes(routes!(change::resume))
        .routes(routes!(change::sign_out))
        .routes(routes!(sessions::list))
        .routes(routes!(identity::link))
        .routes(routes!(identity::unlink))
        .routes(routes!(end::end))
        .routes(routes!(change::forget))
}

/// A person in a path.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct PersonPath {
    /// The person's id.
    #[param(value_type = uuid::Uuid)]
    pub person: UserId,
}

impl OwnedPath for PersonPath {
    fn owner(&self) -> Owner {
        Owner::Installation
    }
}

impl Object for PersonPath {
    type Aggregate = Person;

    fn id(&self) -> Uuid {
        self.person.uuid()
    }

    fn subject(&self) -> Subject {
        Subject::person(self.person)
    }

    fn ids(&self) -> Vec<String> {
        vec![self.person.to_string()]
    }
}
