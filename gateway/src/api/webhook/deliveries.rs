//! `GET …/webhooks/{webhook}/deliveries`

use axum::extract::State;
use events::{Position, Timestamp};
use projections::Projection;
use projections::postgres::delivery::{self, AttemptRow};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::WebhookPath;
use crate::api::ApiState;
use crate::api::guard::{Allowed, WebhooksRead};
use crate::api::query::{ListQuery, Page, Query};
use crate::api::reads::Found;
use crate::api::seconds::of_millis;
use crate::problem::Problem;

/// One attempt to deliver a message.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Attempt {
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The `webhook-id`: the event's id, at each attempt.
    pub message: Uuid,
    /// Such as `key.issued`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The event's position; `null`: a test.
    #[schema(value_type = Option<String>)]
    pub position: Option<Position>,
    /// Whether it was sent again: by a replay, or from the dead letters.
    pub replay: bool,
    /// From 1.
    pub attempt: u32,
    /// What the endpoint answered; `null`: nothing.
    pub status: Option<u16>,
    /// How long it took.
    pub took_seconds: f64,
    /// `delivered`, `retry`, `dead` or `stopped`.
    pub outcome: String,
    /// Such as `timeout`, `connect`, `tls`, `address_refused`, `status`; `null`: nothing went wrong.
    pub error: Option<String>,
}

impl Attempt {
    fn of(api: &ApiState, row: AttemptRow) -> Self {
        Self {
            at: row.at,
            message: row.message,
            kind: row.kind,
            position: row.sequence.and_then(|sequence| api.position(sequence)),
            replay: row.lane != 0 && row.sequence.is_some(),
            attempt: row.attempt,
            status: row.status,
            took_seconds: of_millis(row.millis),
            outcome: row.outcome,
            error: row.error,
        }
    }
}

/// List what a webhook was sent
///
/// Each attempt, newest first, for as long as the installation keeps it (30 days unless it says otherwise).
#[utoipa::path(
    get,
    path = "/webhooks/{webhook}/deliveries",
    operation_id = "webhooks_deliveries",
    tag = "webhooks",
    params(WebhookPath, ListQuery),
    responses((status = 200, description = "A page of attempts", body = Page<Attempt>))
)]
pub async fn deliveries(
    State(api): State<ApiState>,
    Allowed { at, .. }: Allowed<WebhooksRead, WebhookPath>,
    Query(query): Query<ListQuery>,
) -> Result<Found<Page<Attempt>>, Problem> {
    let page = query.page()?;
    at.row(&api).await?;
    let id = at.webhook;
    let rows =
        api.read(Projection::Webhooks, query.at_least, |pool| delivery::attempts(pool, id, &page)).await?;
    Ok(rows.map(|rows| Page::of(rows, |row| Attempt::of(&api, row))))
}
