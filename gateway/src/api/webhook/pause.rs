//! `POST …/webhooks/{webhook}/pause`

use axum::Json;
use domain::webhook::Command;
use events::sealed::Field;

use super::WebhookPath;
use crate::api::body::OptionalBody;
use crate::api::command::Asked;
use crate::api::guard::{Allowed, WebhooksWrite};
use crate::api::text::{GiveReason, Reason};
use crate::api::written::Written;
use crate::problem::Problem;

/// Pause a webhook
///
/// Nothing is sent until it is resumed; then what happened meanwhile is.
#[utoipa::path(
    post,
    path = "/webhooks/{webhook}/pause",
    operation_id = "webhooks_pause",
    tag = "webhooks",
    params(WebhookPath),
    request_body = Option<GiveReason>,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn pause(
    asked: Asked<Allowed<WebhooksWrite, WebhookPath>>,
    OptionalBody(request): OptionalBody<GiveReason>,
) -> Result<Json<Written>, Problem> {
    let order = asked.order("webhooks.pause", &request).await?;
    let reason = order.seal_some(Field::Reason, request.reason.as_ref().map(Reason::as_str))?;
    order.carry_out(Command::Pause { reason }).await
}
