//! `PATCH …/webhooks/{webhook}`

use axum::Json;
use domain::webhook::Command;
use events::sealed::Field;
use events::webhook::{EventTypes, WebhookUrl};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{WebhookPath, known_types, may_be_called, may_read_events};
use crate::api::body::{Body, present};
use crate::api::command::Asked;
use crate::api::guard::{Allowed, WebhooksWrite};
use crate::api::text::Name;
use crate::api::written::Written;
use crate::problem::Problem;

/// What is absent stays as it is. `null` is no value: a webhook has all of these.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeWebhook {
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    name: Option<Name>,
    /// Where events are sent to, what waits included.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, format = "uri", max_length = 2048, required = false)]
    url: Option<WebhookUrl>,
    /// Which events, of those that are not queued yet.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 50, required = false)]
    types: Option<EventTypes>,
}

/// Change a webhook
///
/// All changes are one event. It needs `admin:events:read` as well.
#[utoipa::path(
    patch,
    path = "/webhooks/{webhook}",
    operation_id = "webhooks_change",
    tag = "webhooks",
    params(WebhookPath),
    request_body = ChangeWebhook,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn change(
    asked: Asked<Allowed<WebhooksWrite, WebhookPath>>,
    Body(request): Body<ChangeWebhook>,
) -> Result<Json<Written>, Problem> {
    may_read_events(&asked.by.admin)?;
    let ChangeWebhook { name, url, types } = &request;
    if name.is_none() && url.is_none() && types.is_none() {
        return Err(Problem::invalid("body", "Send at least one of name, url and types."));
    }
    if let Some(types) = types {
        known_types(types)?;
    }
    if let Some(url) = url {
        may_be_called(&asked.api, url)?;
    }
    let order = asked.order("webhooks.change", &request).await?;
    let command = Command::Change {
        name: order.seal_some(Field::Name, request.name.as_ref().map(Name::as_str))?,
        url: order.seal_some(Field::Url, request.url.as_ref().map(WebhookUrl::as_str))?,
        types: request.types,
    };
    order.carry_out(command).await
}
