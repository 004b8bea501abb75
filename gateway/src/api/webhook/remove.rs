//! `DELETE …/webhooks/{webhook}`

use axum::Json;
use domain::webhook::Command;
use events::sealed::Field;

use super::WebhookPath;
use super::secret::purge;
use crate::api::body::OptionalBody;
use crate::api::command::Asked;
use crate::api::guard::{Allowed, WebhooksWrite};
use crate::api::text::{GiveReason, Reason};
use crate::api::written::Written;
use crate::problem::Problem;

/// Remove a webhook
///
/// For ever. What waits is not sent any more, and its secrets are deleted.
#[utoipa::path(
    delete,
    path = "/webhooks/{webhook}",
    operation_id = "webhooks_remove",
    tag = "webhooks",
    params(WebhookPath),
    request_body = Option<GiveReason>,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn remove(
    asked: Asked<Allowed<WebhooksWrite, WebhookPath>>,
    OptionalBody(request): OptionalBody<GiveReason>,
) -> Result<Json<Written>, Problem> {
    let api = asked.api.clone();
    let order = asked.order("webhooks.remove", &request).await?;
    let reason = order.seal_some(Field::Reason, request.reason.as_ref().map(Reason::as_str))?;
    let executed = order.execute(Command::Remove { reason }).await?;
    if let Some(known) = executed.state.known() {
        purge(&api, [Some(known.secret), known.previous.map(|(id, _)| id)]).await;
    }
    Ok(Json(executed.written))
}
