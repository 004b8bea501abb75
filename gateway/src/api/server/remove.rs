//! `DELETE /api/v1/organizations/{organization}/servers/{server}`

use axum::Json;
use axum::extract::State;
use domain::server::{Command, Server};
use events::Subject;

use super::ServerPath;
use super::problem::problem;
use crate::api::ApiState;
use crate::api::body::OptionalBody;
use crate::api::command::Ordered;
use crate::api::guard::{Allowed, Place, ServersWrite};
use crate::api::idempotency::IdempotencyKey;
use crate::api::problem::Problem;
use crate::api::text::{GiveReason, Reason};
use crate::api::written::Written;

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
    State(api): State<ApiState>,
    allowed: Allowed<ServersWrite, ServerPath>,
    idempotency: IdempotencyKey,
    OptionalBody(request): OptionalBody<GiveReason>,
) -> Result<Json<Written>, Problem> {
    let ServerPath { organization, server: id } = allowed.at;
    let ordered = Ordered {
        admin: &allowed.admin,
        owner: allowed.at.owner(),
        idempotency: &idempotency,
        operation: "servers.remove",
        place: &[&organization, &id],
        request: &request,
    };
    let order = api.order(ordered).await?;
    let subject = Subject::server(organization, id);
    let reason = order.seal_some(&subject, "reason", request.reason.as_ref().map(Reason::as_str))?;
    let done = order.execute::<Server>(subject, Command::Remove { reason }, problem).await?;
    Ok(Json(Written::new(id.uuid(), &done)))
}
