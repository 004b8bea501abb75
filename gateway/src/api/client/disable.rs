//! `POST …/clients/{client}/disable`

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

/// Disable a client
///
/// None of its grants works, and it gets none, until it is enabled.
#[utoipa::path(
    post,
    path = "/clients/{client}/disable",
    operation_id = "clients_disable",
    tag = "clients",
    params(ClientPath),
    request_body = Option<GiveReason>,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn disable(
    asked: Asked<Allowed<ClientsWrite, ClientPath>>,
    OptionalBody(request): OptionalBody<GiveReason>,
) -> Result<Json<Written>, Problem> {
    let order = asked.order("clients.disable", &request).await?;
    let reason = order.seal_some(Field::Reason, request.reason.as_ref().map(Reason::as_str))?;
    order.carry_out(Command::Disable { reason }).await
}
