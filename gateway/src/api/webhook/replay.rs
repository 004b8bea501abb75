//! `POST …/webhooks/{webhook}/replay`

use axum::Json;
use axum::extract::State;
use events::Position;
use projections::Projection;
use projections::postgres::delivery::{self, Replay};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{WebhookPath, may_read_events};
use crate::api::ApiState;
use crate::api::body::Body;
use crate::api::event::FeedPlace;
use crate::api::guard::{Allowed, OwnedPath, WebhooksWrite};
use crate::problem::{Kind, Problem};

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskReplay {
    /// The `position` after which events are sent again, of any event or answer; absent: from the first event on.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    after: Option<FeedPlace>,
}

/// What will be sent again.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Replaying {
    /// Events up to this position; those after it are sent as they happen.
    #[schema(value_type = Option<String>)]
    pub until: Option<Position>,
}

/// Send a webhook again what happened
///
/// All events of its owner and types after a position, up to where it stands: under their own `webhook-id`, marked by
/// `replay`, in order for each object, beside what happens meanwhile. It needs `admin:events:read` as well.
#[utoipa::path(
    post,
    path = "/webhooks/{webhook}/replay",
    operation_id = "webhooks_replay",
    tag = "webhooks",
    params(WebhookPath),
    request_body = AskReplay,
    responses((status = 200, description = "It has begun", body = Replaying))
)]
pub async fn replay(
    State(api): State<ApiState>,
    Allowed { at, admin, .. }: Allowed<WebhooksWrite, WebhookPath>,
    Body(request): Body<AskReplay>,
) -> Result<Json<Replaying>, Problem> {
    may_read_events(&admin)?;
    at.may_be_sent_to(&api).await?;
    if let Some(FeedPlace { position, .. }) = &request.after {
        api.may_come(position).await.map_err(|problem| problem.at("after"))?;
    }
    let here = api.gate.position().ok_or_else(|| Problem::not_ready("nothing of the log is known yet"))?;
    let after = request.after.map_or(0, |after| after.position.sequence);
    let (owner, id) = (at.owner(), at.webhook);
    let begun = api
        .read(Projection::Webhooks, None, |pool| delivery::replay(pool, owner, id, here.log, after))
        .await?;
    match begun.found {
        Replay::UpTo(until) => Ok(Json(Replaying { until: api.position(until) })),
        Replay::Busy => Err(Problem::new(
            Kind::WebhookReplaying,
            "A replay of this webhook is being queued: wait until it is (`deliveries.replaying`), and ask again.",
        )),
        Replay::NotThere => Err(Problem::not_found()),
    }
}
