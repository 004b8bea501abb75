//! `PATCH /api/v1/organizations/{organization}/servers/{server}`

use axum::Json;
use domain::server::Command;
use events::sealed::Field;
use events::server::UpstreamUrl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ServerPath;
use crate::api::body::Body;
use crate::api::command::Asked;
use crate::api::guard::{Allowed, ServersWrite};
use crate::api::text::Name;
use crate::api::written::Written;
use crate::problem::Problem;

/// What is absent stays as it is.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeServer {
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    name: Option<Name>,
    /// An absolute http or https URL without user, query or fragment.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, format = "uri", max_length = 2048, required = false)]
    upstream: Option<UpstreamUrl>,
    /// Whether calls pass.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    enabled: Option<bool>,
}

/// `null` is no value: a server has all of these.
fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Change an MCP server
///
/// All changes are one event.
#[utoipa::path(
    patch,
    path = "/api/v1/organizations/{organization}/servers/{server}",
    operation_id = "servers_change",
    tag = "servers",
    params(ServerPath),
    request_body = ChangeServer,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn change(
    asked: Asked<Allowed<ServersWrite, ServerPath>>,
    Body(request): Body<ChangeServer>,
) -> Result<Json<Written>, Problem> {
    if request.name.is_none() && request.upstream.is_none() && request.enabled.is_none() {
        return Err(Problem::invalid("body", "Send at least one of name, upstream and enabled."));
    }
    let order = asked.order("servers.change", &request).await?;
    let command = Command::Change {
        name: order.seal_some(Field::Name, request.name.as_ref().map(Name::as_str))?,
        upstream: request.upstream,
        enabled: request.enabled,
    };
    order.carry_out(command).await
}
