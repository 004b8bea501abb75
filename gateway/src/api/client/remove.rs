//! `DELETE …/clients/{client}`

use axum::Json;
use domain::client::Command;
use events::sealed::Field;

use super::ClientPath;
use crate::api::body::OptionalBody;
use crate::api::command::Asked;
use crate::api::guard::{Allowed, ClientsWrite};
use crate::api::text::{GiveReason, Reason};
use crate::api::written::Written;
use crate::problem::Problem;

/// Remove a client
///
/// For ever, with all its grants. One that is known by a document or registered itself does not come back either.
#[utoipa::path(
    delete,
    path = "/clients/{client}",
    operation_id = "clients_remove",
    tag = "clients",
    params(ClientPath),
    request_body = Option<GiveReason>,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn remove(
    asked: Asked<Allowed<ClientsWrite, ClientPath>>,
    OptionalBody(request): OptionalBody<GiveReason>,
) -> Result<Json<Written>, Problem> {
    let order = asked.order("clients.remove", &request).await?;
    let reason = order.seal_some(Field::Reason, request.reason.as_ref().map(Reason::as_str))?;
    order.carry_out(Command::Remove { reason }).await
}
