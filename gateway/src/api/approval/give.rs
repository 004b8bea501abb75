//! `PUT …/approvals/{client}`

use axum::Json;
use domain::approval::Command;
use events::Owner;
use projections::directory::ClientState;

use super::ApprovalPath;
use crate::api::ApiState;
use crate::api::body::{Empty, OptionalBody};
use crate::api::command::Asked;
use crate::api::guard::{Allowed, ClientsWrite};
use crate::api::written::Written;
use crate::problem::Problem;

/// Approve a client
///
/// The organization's people may use it. It counts where the organization requires an approval (`…/client-approval`), and may be
/// given before anybody has used the client.
#[utoipa::path(
    put,
    path = "/api/v1/organizations/{organization}/approvals/{client}",
    operation_id = "approvals_give",
    tag = "approvals",
    params(ApprovalPath),
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn give(
    asked: Asked<Allowed<ClientsWrite, ApprovalPath>>,
    OptionalBody(request): OptionalBody<Empty>,
) -> Result<Json<Written>, Problem> {
    let (api, at) = (asked.api.clone(), asked.by.at.clone());
    let order = asked.order("approvals.give", &request).await?;
    let mut written = order.execute(Command::Give { client: at.client }).await?.written;
    written.warnings.extend(warning(&api, &at).map(str::to_owned));
    Ok(Json(written))
}

/// What another organization's client is called is told to nobody here: it is as good as unknown.
fn warning(api: &ApiState, at: &ApprovalPath) -> Option<&'static str> {
    let reached = |owner| owner == Owner::Installation || owner == Owner::Organization(at.organization);
    match api.directory.client(at.client).filter(|entry| reached(entry.owner)).map(|entry| entry.state) {
        Some(ClientState::Active) => None,
        Some(ClientState::Disabled) => Some("The client is disabled: nobody can use it until it is enabled."),
        Some(ClientState::Removed) => Some("The client is removed: nobody can use it any more."),
        Some(ClientState::Closed) => {
            Some("An event of the client can't be read by this version: nobody can use it.")
        }
        None => Some("Nobody here has used a client of this id yet: see that it is the one that you mean."),
    }
}
