//! `GET …/webhooks`

use axum::extract::State;
use events::AggregateType;
use projections::Projection;
use projections::postgres::{delivery, webhook};

use super::WebhooksPath;
use super::view::Webhook;
use crate::api::ApiState;
use crate::api::guard::{Allowed, OwnedPath, WebhooksRead};
use crate::api::query::{ListQuery, Page, Query};
use crate::api::reads::Found;
use crate::problem::Problem;

/// List webhooks
///
/// Newest first, removed ones included.
#[utoipa::path(
    get,
    path = "/webhooks",
    operation_id = "webhooks_list",
    tag = "webhooks",
    params(ListQuery),
    responses((status = 200, description = "A page of webhooks", body = Page<Webhook>))
)]
pub async fn list(
    State(api): State<ApiState>,
    Allowed { at, .. }: Allowed<WebhooksRead, WebhooksPath>,
    Query(query): Query<ListQuery>,
) -> Result<Found<Page<Webhook>>, Problem> {
    let page = query.page()?;
    let rows = api.read(Projection::Webhooks, query.at_least, async |pool| {
        let rows = webhook::list(pool, at.owner(), &page).await?;
        let ids: Vec<_> = rows.items.iter().map(|row| row.id).collect();
        Ok((rows, delivery::standing(pool, &ids).await?))
    });
    let rows = rows.await?;
    api.exists_if(!rows.found.0.items.is_empty(), &at).await?;
    let waiting = api.waiting(Projection::Webhooks, at.owner(), AggregateType::Webhook).await?;
    Ok(rows.map(|(rows, standing)| {
        Page::of(rows, |row| Webhook::of(&api, row, &standing)).with_waiting(waiting)
    }))
}
