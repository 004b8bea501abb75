//! `POST …/clients/{client}/enable`

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

/// Enable a client
///
/// Its grants work again, and its consents count as before.
#[utoipa::path(
    post,
    path = "/clients/{client}/enable",
    operation_id = "clients_enable",
    tag = "clients",
    params(ClientPath),
    request_body = Option<GiveReason>,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn enable(
    asked: Asked<Allowed<ClientsWrite, ClientPath>>,
    OptionalBody(request): OptionalBody<GiveReason>,
) -> Result<Json<Written>, Problem> {
    let order = asked.order("clients.enable", &request).await?;
    let reason = order.seal_some(Field::Reason, request.reason.as_ref().map(Reason::as_str))?;
    order.carry_out(Command::Enable { reason }).await
}
