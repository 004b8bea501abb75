//! `POST /api/v1/organizations/{organization}/servers`

use axum::Json;
use axum::response::Response;
use domain::server::{Command, Server};
use events::sealed::Field;
use events::server::{UpstreamSettings, UpstreamUrl};
use events::{ServerId, Slug, Subject};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::settings::SetSettings;
use super::trial::WrittenServer;
use super::view::url;
use super::{is_yes, yes};
use crate::api::body::Body;
use crate::api::command::Asked;
use crate::api::guard::{Allowed, ServersWrite};
use crate::api::organization::OrganizationPath;
use crate::api::text::Name;
use crate::api::written::created;
use crate::problem::Problem;
use crate::request::identity::audience;

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterServer {
    /// Stands in the server's address and in scopes, for ever: 1 to 63 lower-case letters, digits and single
    /// hyphens between them.
    #[schema(value_type = String, example = "docs", max_length = 63)]
    slug: Slug,
    name: Name,
    /// Where the server answers: an absolute http or https URL without user, query or fragment. Private
    /// addresses are refused when it is called, unless the installation allows them.
    #[schema(value_type = String, format = "uri", example = "https://tools.example.com/mcp", max_length = 2048)]
    upstream: UpstreamUrl,
    /// Whether calls pass.
    #[serde(default = "yes")]
    #[schema(default = true)]
    enabled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    settings: Option<SetSettings>,
    /// Whether the upstream is tried, and `found` tells what came of it.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    #[schema(default = true)]
    try_upstream: bool,
}

/// A server that was registered.
#[derive(Debug, Serialize, ToSchema)]
pub struct RegisteredServer {
    #[serde(flatten)]
    written: WrittenServer,
    /// Where clients reach it.
    #[schema(value_type = Option<String>, format = "uri")]
    url: Option<String>,
    /// Whom the identity tokens that it is sent are for: what its verifier expects as `aud`.
    audience: String,
}

/// Register an MCP server
///
/// It is registered whatever is found at its upstream.
#[utoipa::path(
    post,
    path = "/api/v1/organizations/{organization}/servers",
    operation_id = "servers_register",
    tag = "servers",
    params(OrganizationPath),
    request_body = RegisterServer,
    responses((status = 201, description = "Registered", body = RegisteredServer))
)]
pub async fn register(
    asked: Asked<Allowed<ServersWrite, OrganizationPath>>,
    Body(request): Body<RegisterServer>,
) -> Result<Response, Problem> {
    let api = asked.api.clone();
    api.trials.check(&request.upstream)?;
    let organization = asked.by.at.organization;
    let order = asked
        .order_new::<Server, _>("servers.register", &request, |id| {
            Subject::server(organization, ServerId::new(id))
        })
        .await?;
    let settings = request.settings.unwrap_or_default().change()?;
    let location = format!("/api/v1/organizations/{organization}/servers/{}", order.id());
    let url = url(&api, organization, &request.slug);
    let command = Command::Register {
        name: order.seal(Field::Name, request.name.as_str())?,
        slug: request.slug,
        upstream: request.upstream,
        enabled: request.enabled,
        settings: settings.of(&UpstreamSettings::default()),
    };
    let (id, done) = (ServerId::new(order.id()), order.execute(command).await?);
    let found = if request.try_upstream { api.trials.run(organization, id, &done.state).await } else { None };
    let replayed = done.written.replayed;
    let written = WrittenServer { written: done.written, found };
    Ok(created(replayed, &location, Json(RegisteredServer { written, url, audience: audience(id) })))
}
