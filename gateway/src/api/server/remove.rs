//! `DELETE /api/v1/organizations/{organization}/servers/{server}`

use axum::Json;
use domain::server::Command;
use events::sealed::Field;

use super::ServerPath;
use crate::api::body::OptionalBody;
use crate::api::command::Asked;
use crate::api::guard::{Allowed, ServersWrite};
use crate::api::text::{GiveReason, Reason};
use crate::api::written::Written;
use crate::problem::Problem;

/// Remove an MCP server
///
/// For ever: its slug names no other server.
#[utoipa::path(
    delete,
    path = "/api/v1/organizations/{organization}/servers/{server}",
    operation_id = "servers_remove",
    tag = "servers",
    params(ServerPath),
    request_body = Option<GiveReason>,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn remove(
    asked: Asked<Allowed<ServersWrite, ServerPath>>,
    OptionalBody(request): OptionalBody<GiveReason>,
) -> Result<Json<Written>, Problem> {
    let order = asked.order("servers.remove", &request).await?;
    let reason = order.seal_some(Field::Reason, request.reason.as_ref().map(Reason::as_str))?;
    order.carry_out(Command::Remove { reason }).await
}
