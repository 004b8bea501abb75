//! `/api/v1/organizations/{organization}/invitations`: links by which people become members. We send none of them.

use domain::Invitation;
use events::{InvitationId, OrganizationId, Owner, Subject};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::ApiState;
use super::command::Object;
use super::guard::OwnedPath;

mod create;
mod get;
mod list;
mod problem;
mod view;
mod withdraw;

pub fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list::list, create::create))
        .routes(routes!(get::get, withdraw::withdraw))
}

/// An invitation in a path.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct InvitationPath {
    /// The organization's id.
    #[param(value_type = uuid::Uuid)]
    organization: OrganizationId,
    /// The invitation's id.
    #[param(value_type = uuid::Uuid)]
    invitation: InvitationId,
}

impl OwnedPath for InvitationPath {
    fn owner(&self) -> Owner {
        Owner::Organization(self.organization)
    }
}

impl Object for InvitationPath {
    type Aggregate = Invitation;

    fn id(&self) -> Uuid {
        self.invitation.uuid()
    }

    fn subject(&self) -> Subject {
        Subject::invitation(self.organization, self.invitation)
    }

    fn ids(&self) -> Vec<String> {
        vec![self.owner().to_string(), self.invitation.to_string()]
    }
}
