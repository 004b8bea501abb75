//! `POST …/webhooks/{webhook}/resume`

use axum::Json;
use domain::webhook::Command;
use projections::Projection;
use projections::postgres::delivery;

use super::WebhookPath;
use crate::api::body::{Empty, OptionalBody};
use crate::api::command::Asked;
use crate::api::guard::{Allowed, OwnedPath, WebhooksWrite};
use crate::api::written::Written;
use crate::problem::Problem;

/// Resume a webhook
///
/// One that was paused, or whose endpoint said that it was gone. It goes on where it stood.
#[utoipa::path(
    post,
    path = "/webhooks/{webhook}/resume",
    operation_id = "webhooks_resume",
    tag = "webhooks",
    params(WebhookPath),
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn resume(
    asked: Asked<Allowed<WebhooksWrite, WebhookPath>>,
    OptionalBody(request): OptionalBody<Empty>,
) -> Result<Json<Written>, Problem> {
    let (api, at) = (asked.api.clone(), asked.by.at.clone());
    let (owner, id) = (at.owner(), at.webhook);
    // That an endpoint was gone is known to the deliveries alone.
    let ids = [id];
    let standing = api.read(Projection::Webhooks, None, |pool| delivery::standing(pool, &ids)).await?.found;
    let stopped = standing.get(&id).is_some_and(|standing| standing.stopped_at.is_some());
    let order = asked.order("webhooks.resume", &request).await?;
    let written = order.carry_out(Command::Resume { stopped }).await?;
    api.read(Projection::Webhooks, None, |pool| delivery::start_again(pool, owner, id)).await?;
    Ok(written)
}
