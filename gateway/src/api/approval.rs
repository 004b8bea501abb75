//! `/api/v1/organizations/{organization}/approvals`: which clients an organization lets its people use, and whether it asks
//! for that (`…/client-approval`).

use domain::Approval;
use events::{ApprovalId, ClientId, OrganizationId, Owner, Subject};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::ApiState;
use super::command::Object;
use super::guard::OwnedPath;

mod give;
mod list;
mod problem;
mod require;
mod view;
mod withdraw;

pub fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(give::give, withdraw::withdraw))
        .routes(routes!(require::require))
}

/// An approval in a path: by the client, of which an organization says one thing.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ApprovalPath {
    /// The organization's id.
    #[param(value_type = uuid::Uuid)]
    organization: OrganizationId,
    /// The client's id, also of one that nobody has used yet. Of one that is known by a metadata document, `GET
    /// /api/v1/resolve` tells it.
    #[param(value_type = uuid::Uuid)]
    client: ClientId,
}

impl ApprovalPath {
    fn approval(&self) -> ApprovalId {
        ApprovalId::of(self.organization, self.client)
    }
}

impl OwnedPath for ApprovalPath {
    fn owner(&self) -> Owner {
        Owner::Organization(self.organization)
    }
}

impl Object for ApprovalPath {
    type Aggregate = Approval;

    fn id(&self) -> Uuid {
        self.approval().uuid()
    }

    fn subject(&self) -> Subject {
        Subject::approval(self.organization, self.approval())
    }

    fn ids(&self) -> Vec<String> {
        vec![self.owner().to_string(), self.client.to_string()]
    }
}
