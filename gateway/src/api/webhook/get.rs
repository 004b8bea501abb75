//! `GET …/webhooks/{webhook}`

use axum::extract::State;
use projections::Projection;
use projections::postgres::{delivery, webhook};

use super::WebhookPath;
use super::view::Webhook;
use crate::api::ApiState;
use crate::api::guard::{Allowed, OwnedPath, WebhooksRead};
use crate::api::query::{Query, ReadQuery};
use crate::api::reads::Found;
use crate::problem::Problem;

/// Show a webhook
#[utoipa::path(
    get,
    path = "/webhooks/{webhook}",
    operation_id = "webhooks_get",
    tag = "webhooks",
    params(WebhookPath, ReadQuery),
    responses((status = 200, description = "The webhook", body = Webhook))
)]
pub async fn get(
    State(api): State<ApiState>,
    Allowed { at, .. }: Allowed<WebhooksRead, WebhookPath>,
    Query(query): Query<ReadQuery>,
) -> Result<Found<Webhook>, Problem> {
    let (owner, id) = (at.owner(), at.webhook);
    let row = api.read(Projection::Webhooks, query.at_least, |pool| webhook::get(pool, owner, id)).await?;
    let row = row.required()?;
    let ids = [id];
    let standing = api.read(Projection::Webhooks, None, |pool| delivery::standing(pool, &ids)).await?.found;
    Ok(row.map(|row| Webhook::of(&api, row, &standing)))
}
