//! `GET …/webhooks/{webhook}/dead`, and sending again what is there

use axum::Json;
use axum::extract::State;
use events::{Position, Timestamp};
use projections::Projection;
use projections::postgres::delivery::{self, DeadRow};
use projections::postgres::names::{Ids, Names};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::WebhookPath;
use crate::api::ApiState;
use crate::api::body::OptionalBody;
use crate::api::guard::{Allowed, OwnedPath, WebhooksRead, WebhooksWrite};
use crate::api::query::{ListQuery, Page, Query};
use crate::api::reads::Found;
use crate::problem::Problem;

/// A message that was given up.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct DeadLetter {
    /// By which it is sent again.
    pub id: i64,
    /// The `webhook-id`: the event's id.
    pub message: Uuid,
    #[serde(rename = "type")]
    pub kind: String,
    /// Such as `key:<id>`.
    pub object: String,
    /// What that is called now; `null`: forgotten, or not yours to know.
    pub object_name: Option<String>,
    /// `null`: a test.
    #[schema(value_type = Option<String>)]
    pub position: Option<Position>,
    pub attempts: u32,
    #[schema(value_type = String, format = DateTime)]
    pub queued_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub dead_at: Timestamp,
    /// What went wrong last.
    pub error: Option<String>,
}

/// Which dead letters.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Resend {
    /// One of them; absent: all, the oldest 10,000.
    #[serde(default)]
    id: Option<i64>,
}

/// What is sent again.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Resent {
    pub messages: u64,
}

impl DeadLetter {
    fn of(api: &ApiState, names: &Names, row: DeadRow) -> Self {
        Self {
            id: row.id,
            message: row.message,
            kind: row.kind,
            object_name: names.of_object(&row.object),
            object: row.object,
            position: row.sequence.and_then(|sequence| api.position(sequence)),
            attempts: row.attempts,
            queued_at: row.queued_at,
            dead_at: row.dead_at,
            error: row.last_error,
        }
    }
}

/// List a webhook's dead letters
///
/// Messages that were given up after their last attempt, newest first.
#[utoipa::path(
    get,
    path = "/webhooks/{webhook}/dead",
    operation_id = "webhooks_dead",
    tag = "webhooks",
    params(WebhookPath, ListQuery),
    responses((status = 200, description = "A page of dead letters", body = Page<DeadLetter>))
)]
pub async fn list(
    State(api): State<ApiState>,
    Allowed { admin, at, .. }: Allowed<WebhooksRead, WebhookPath>,
    Query(query): Query<ListQuery>,
) -> Result<Found<Page<DeadLetter>>, Problem> {
    let page = query.page()?;
    at.row(&api).await?;
    let (id, reader) = (at.webhook, admin.owner());
    let rows = api.read(Projection::Webhooks, query.at_least, async |pool| {
        let rows = delivery::dead(pool, id, &page).await?;
        let mut ids = Ids::default();
        rows.items.iter().for_each(|row| ids.push_object(&row.object));
        Ok((rows, Names::read(pool, reader, ids).await?))
    });
    Ok(rows.await?.map(|(rows, names)| Page::of(rows, |row| DeadLetter::of(&api, &names, row))))
}

/// Send a webhook's dead letters again
///
/// Under their own `webhook-id`, marked as a replay, with all attempts before them. Those of one object go in order.
#[utoipa::path(
    post,
    path = "/webhooks/{webhook}/dead/resend",
    operation_id = "webhooks_resend",
    tag = "webhooks",
    params(WebhookPath),
    request_body = Option<Resend>,
    responses((status = 200, description = "Queued", body = Resent))
)]
pub async fn resend(
    State(api): State<ApiState>,
    Allowed { at, .. }: Allowed<WebhooksWrite, WebhookPath>,
    OptionalBody(request): OptionalBody<Resend>,
) -> Result<Json<Resent>, Problem> {
    at.may_be_sent_to(&api).await?;
    let (owner, id) = (at.owner(), at.webhook);
    let messages = api
        .read(Projection::Webhooks, None, |pool| delivery::resend(pool, owner, id, request.id))
        .await?
        .found;
    match (messages, request.id) {
        (0, Some(_)) => Err(Problem::not_found()),
        (messages, _) => Ok(Json(Resent { messages })),
    }
}
