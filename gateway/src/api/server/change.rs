//! `PATCH /api/v1/organizations/{organization}/servers/{server}`

use axum::Json;
use domain::server::Command;
use events::sealed::Field;
use events::server::UpstreamUrl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::settings::SetSettings;
use super::trial::WrittenServer;
use super::{ServerPath, is_yes, yes};
use crate::api::body::{Body, present};
use crate::api::command::Asked;
use crate::api::guard::{Allowed, ServersWrite};
use crate::api::text::Name;
use crate::problem::Problem;

/// What is absent stays as it is. `null` is no value: a server has all of these.
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
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    settings: Option<SetSettings>,
    /// Whether the upstream is tried when the way to it is changed, and `found` tells what came of it.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    #[schema(default = true)]
    try_upstream: bool,
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
    responses((status = 200, description = "Done", body = WrittenServer))
)]
pub async fn change(
    asked: Asked<Allowed<ServersWrite, ServerPath>>,
    Body(request): Body<ChangeServer>,
) -> Result<Json<WrittenServer>, Problem> {
    let ChangeServer { name, upstream, enabled, settings, try_upstream } = &request;
    if name.is_none() && upstream.is_none() && enabled.is_none() && settings.is_none() {
        return Err(Problem::invalid("body", "Send at least one of name, upstream, enabled and settings."));
    }
    let (api, at) = (asked.api.clone(), asked.by.at.clone());
    if let Some(upstream) = upstream {
        api.trials.check(upstream)?;
    }
    let tried = *try_upstream && (upstream.is_some() || settings.is_some());
    let order = asked.order("servers.change", &request).await?;
    let command = Command::Change {
        name: order.seal_some(Field::Name, request.name.as_ref().map(Name::as_str))?,
        upstream: request.upstream,
        enabled: request.enabled,
        settings: request.settings.unwrap_or_default().change()?,
    };
    let done = order.execute(command).await?;
    let found = if tried { api.trials.run(at.organization, at.server, &done.state).await } else { None };
    Ok(Json(WrittenServer { written: done.written, found }))
}
