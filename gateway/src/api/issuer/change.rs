//! `PATCH …/issuers/{issuer}`

use axum::Json;
use domain::issuer::Command;
use events::sealed::Field;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::IssuerPath;
use super::settings::{SetProtocol, SetSettings};
use crate::api::body::{Body, present};
use crate::api::command::Asked;
use crate::api::guard::{Allowed, IssuersWrite, OwnedPath};
use crate::api::text::Name;
use crate::api::written::Written;
use crate::problem::Problem;

/// What is absent stays as it is. `null` is no value: an issuer has all of these.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeIssuer {
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    name: Option<Name>,
    /// Of the same issuer: only Entra's tenants and guests change.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    protocol: Option<SetProtocol>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    settings: Option<SetSettings>,
    /// Whether people may sign in at it. Who came by it alone is refused everywhere while they may not.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    enabled: Option<bool>,
}

/// Change an issuer
///
/// Settings are one event, however many of them change; a new name is another.
#[utoipa::path(
    patch,
    path = "/issuers/{issuer}",
    operation_id = "issuers_change",
    tag = "issuers",
    params(IssuerPath),
    request_body = ChangeIssuer,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn change(
    asked: Asked<Allowed<IssuersWrite, IssuerPath>>,
    Body(request): Body<ChangeIssuer>,
) -> Result<Json<Written>, Problem> {
    let ChangeIssuer { name, protocol, settings, enabled } = &request;
    let empty = settings.as_ref().is_none_or(SetSettings::is_empty);
    if name.is_none() && protocol.is_none() && enabled.is_none() && empty {
        return Err(Problem::invalid("body", "Send at least one of name, protocol, settings and enabled."));
    }
    let owner = asked.by.at.owner();
    let order = asked.order("issuers.change", &request).await?;
    let name = order.seal_some(Field::Name, request.name.as_ref().map(Name::as_str))?;
    let settings = request.settings.unwrap_or_default().change(owner, request.protocol)?;
    order.carry_out(Command::Change { name, settings: Box::new(settings), enabled: request.enabled }).await
}
