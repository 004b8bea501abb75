//! `POST …/webhooks/{webhook}/retry`

use axum::Json;
use axum::extract::State;
use projections::Projection;
use projections::postgres::delivery;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::WebhookPath;
use crate::api::ApiState;
use crate::api::guard::{Allowed, OwnedPath, WebhooksWrite};
use crate::problem::Problem;

/// What is tried at once.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Retried {
    pub messages: u64,
}

/// Try a webhook's waiting messages at once
///
/// Those that wait for their next attempt, as when their endpoint works again before that. The attempts before count on; those of
/// one object go in order.
#[utoipa::path(
    post,
    path = "/webhooks/{webhook}/retry",
    operation_id = "webhooks_retry",
    tag = "webhooks",
    params(WebhookPath),
    responses((status = 200, description = "They are due", body = Retried))
)]
pub async fn retry(
    State(api): State<ApiState>,
    Allowed { at, .. }: Allowed<WebhooksWrite, WebhookPath>,
) -> Result<Json<Retried>, Problem> {
    at.may_be_sent_to(&api).await?;
    let (owner, id) = (at.owner(), at.webhook);
    let messages = api.read(Projection::Webhooks, None, |pool| delivery::retry(pool, owner, id)).await?.found;
    Ok(Json(Retried { messages }))
}
