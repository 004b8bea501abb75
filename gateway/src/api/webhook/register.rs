//! `POST …/webhooks`

use axum::Json;
use axum::response::Response;
use domain::webhook::{Command, Webhook};
use events::clock::uuid_v7;
use events::sealed::Field;
use events::webhook::{EventTypes, WebhookUrl};
use events::{SecretId, Subject, WebhookId};
use projections::Projection;
use projections::postgres::webhook;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::secret::{WrittenSecret, vault};
use super::{WebhooksPath, known_types, may_be_called, may_read_events};
use crate::api::body::Body;
use crate::api::command::Asked;
use crate::api::guard::{Allowed, OwnedPath, WebhooksWrite};
use crate::api::text::Name;
use crate::api::written::created;
use crate::problem::{Kind, Problem};

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterWebhook {
    name: Name,
    /// Where events are sent to: an absolute http or https URL without user or fragment. It is sealed in the log, so it
    /// may hold a token. Private addresses are refused when it is called, unless the installation allows them.
    #[schema(value_type = String, format = "uri", example = "https://hooks.example.com/keyledger", max_length = 2048)]
    url: WebhookUrl,
    /// Which events: such as `key.issued`, `key.*` for all of a key's, `*` for all.
    #[serde(default = "EventTypes::all")]
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 50, example = json!(["key.*", "server.removed"]))]
    types: EventTypes,
}

/// Register a webhook
///
/// From this event on, what happens to its owner's things is sent to its URL, signed as Standard Webhooks says. The secret
/// is shown in this answer and never again, also not to the same `Idempotency-Key`. It needs `admin:events:read` as
/// well; the installation's own webhooks are sent what happens anywhere.
#[utoipa::path(
    post,
    path = "/webhooks",
    operation_id = "webhooks_register",
    tag = "webhooks",
    request_body = RegisterWebhook,
    responses(
        (status = 201, description = "Registered", body = WrittenSecret),
        (status = 200, description = "Registered before, under the same Idempotency-Key", body = WrittenSecret)
    )
)]
pub async fn register(
    asked: Asked<Allowed<WebhooksWrite, WebhooksPath>>,
    Body(request): Body<RegisterWebhook>,
) -> Result<Response, Problem> {
    may_read_events(&asked.by.admin)?;
    known_types(&request.types)?;
    let (api, owner, address) = (asked.api.clone(), asked.by.at.owner(), asked.by.at.address());
    may_be_called(&api, &request.url)?;
    let held = api.read(Projection::Webhooks, None, |pool| webhook::count(pool, owner)).await?.found;
    let max = api.settings.max_webhooks;
    if held >= max {
        return Err(Problem::new(
            Kind::WebhooksFull,
            format!(
                "There are {held} webhooks here, and there may be {max}. Remove one that nobody needs; whoever runs the \
                 installation can raise `webhooks.max`."
            ),
        ));
    }
    let order = asked
        .order_new::<Webhook, _>("webhooks.register", &request, |id| {
            Subject::webhook(owner, WebhookId::new(id))
        })
        .await?;
    let address = format!("{address}/{}", order.id());
    // In the vault before the event that names it.
    let id = SecretId::new(uuid_v7(&*api.clock, &*api.random));
    let drawn = api.webhooks.draw(id, &*api.random).await.map_err(|error| vault(&error))?;
    let command = Command::Register {
        name: order.seal(Field::Name, request.name.as_str())?,
        url: order.seal(Field::Url, request.url.as_str())?,
        types: request.types,
        secret: id,
    };
    let executed = order.execute(command).await?;
    let answer = WrittenSecret::of(&api, executed, id, &drawn).await;
    Ok(created(answer.written.replayed, &address, Json(answer)))
}
