//! `POST …/webhooks/{webhook}/test`

use axum::Json;
use axum::extract::State;
use events::clock::uuid_v7;
use projections::Projection;
use projections::postgres::delivery;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::WebhookPath;
use crate::api::ApiState;
use crate::api::guard::{Allowed, OwnedPath, WebhooksWrite};
use crate::problem::Problem;

/// A message that is queued.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Queued {
    /// Its `webhook-id`: the delivery log tells what came of it.
    pub message: Uuid,
}

/// Send a webhook a test
///
/// A message of the type `webhook.test`, signed and tried as all others. No event tells of it.
#[utoipa::path(
    post,
    path = "/webhooks/{webhook}/test",
    operation_id = "webhooks_test",
    tag = "webhooks",
    params(WebhookPath),
    responses((status = 200, description = "Queued", body = Queued))
)]
pub async fn test(
    State(api): State<ApiState>,
    Allowed { at, .. }: Allowed<WebhooksWrite, WebhookPath>,
) -> Result<Json<Queued>, Problem> {
    at.may_be_sent_to(&api).await?;
    let message = uuid_v7(&*api.clock, &*api.random);
    let (owner, id) = (at.owner(), at.webhook);
    let queued =
        api.read(Projection::Webhooks, None, |pool| delivery::test(pool, owner, id, message)).await?;
    // A webhook that is removed has no deliveries.
    if queued.found { Ok(Json(Queued { message })) } else { Err(domain::webhook::Refusal::Removed.into()) }
}
