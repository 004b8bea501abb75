//! `POST …/webhooks/{webhook}/secret`, and the end of an overlap

use axum::Json;
use domain::webhook::{Command, Webhook};
use events::SecretId;
use events::clock::uuid_v7;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::WebhookPath;
use crate::api::ApiState;
use crate::api::body::{Empty, OptionalBody};
use crate::api::command::{Asked, Executed};
use crate::api::guard::{Allowed, WebhooksWrite};
use crate::api::written::Written;
use crate::problem::Problem;
use crate::vault::VaultError;
use crate::vault::webhook::WebhookSecret;

#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateSecret {
    /// How long the secret before signs as well: 0 to 604800 (7 days); absent: a day.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 0, maximum = 604_800)]
    overlap_seconds: Option<u32>,
}

/// A command that gave a webhook a secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct WrittenSecret {
    #[serde(flatten)]
    pub written: Written,
    /// `whsec_` and base64: shown in this one answer. Absent when the command was carried out before.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    /// Why there is no secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<&'static str>,
}

const NOTICE: &str = "This was done already, and the secret is not shown a second time: rotate it.";
const DAY: u32 = 24 * 60 * 60;
const LONGEST: u32 = 7 * DAY;

impl WrittenSecret {
    /// Only this very call's event names the secret that was drawn for it; another is nobody's.
    pub async fn of(
        api: &ApiState,
        Executed { state: _, written }: Executed<Webhook>,
        id: SecretId,
        drawn: &WebhookSecret,
    ) -> Self {
        let own = written.changed && !written.replayed;
        if !own {
            purge(api, [Some(id)]).await;
        }
        let secret = own.then(|| drawn.expose().as_str().to_owned());
        Self { written, secret, notice: (!own).then_some(NOTICE) }
    }
}

/// Rotate a webhook's secret
///
/// What is sent is signed by both secrets until the overlap ends. The new one is shown in this answer and never again.
#[utoipa::path(
    post,
    path = "/webhooks/{webhook}/secret",
    operation_id = "webhooks_rotate_secret",
    tag = "webhooks",
    params(WebhookPath),
    request_body = Option<RotateSecret>,
    responses((status = 200, description = "Done", body = WrittenSecret))
)]
pub async fn rotate(
    asked: Asked<Allowed<WebhooksWrite, WebhookPath>>,
    OptionalBody(request): OptionalBody<RotateSecret>,
) -> Result<Json<WrittenSecret>, Problem> {
    let seconds = request.overlap_seconds.unwrap_or(DAY);
    if seconds > LONGEST {
        return Err(Problem::invalid("overlap_seconds", "0 to 604800: seven days at most."));
    }
    let (api, at) = (asked.api.clone(), asked.by.at.clone());
    let before = at.row(&api).await?;
    let order = asked.order("webhooks.rotate_secret", &request).await?;
    let until = api.clock.now().unix_millis() + i64::from(seconds) * 1_000;
    let overlap_until = events::Timestamp::from_unix_millis(until).ok_or_else(Problem::internal)?;
    let id = SecretId::new(uuid_v7(&*api.clock, &*api.random));
    let drawn = api.webhooks.draw(id, &*api.random).await.map_err(|error| vault(&error))?;
    let executed = order.execute(Command::RotateSecret { secret: id, overlap_until }).await?;
    if executed.written.changed && !executed.written.replayed {
        // It signs nothing any more.
        purge(&api, [before.previous]).await;
    }
    Ok(Json(WrittenSecret::of(&api, executed, id, &drawn).await))
}

/// End the overlap of a webhook's secrets
///
/// The newest secret signs alone, from now on.
#[utoipa::path(
    delete,
    path = "/webhooks/{webhook}/secret/previous",
    operation_id = "webhooks_end_overlap",
    tag = "webhooks",
    params(WebhookPath),
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn end_overlap(
    asked: Asked<Allowed<WebhooksWrite, WebhookPath>>,
    OptionalBody(request): OptionalBody<Empty>,
) -> Result<Json<Written>, Problem> {
    let (api, at) = (asked.api.clone(), asked.by.at.clone());
    let before = at.row(&api).await?;
    let written = asked.order("webhooks.end_overlap", &request).await?.carry_out(Command::EndOverlap).await?;
    if written.changed && !written.replayed {
        purge(&api, [before.previous]).await;
    }
    Ok(written)
}

/// Deletes secrets that sign nothing any more. One that is left behind is sealed, and of no use.
pub async fn purge(api: &ApiState, ids: impl IntoIterator<Item = Option<SecretId>>) {
    for id in ids.into_iter().flatten() {
        if let Err(error) = api.webhooks.purge(id).await {
            tracing::warn!(%error, "a webhook's secret that signs nothing any more was not deleted");
        }
    }
}

pub fn vault(error: &VaultError) -> Problem {
    crate::api::command::vault(error)
}
