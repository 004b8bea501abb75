//! A webhook as the API shows it: everything but its secrets.

use std::collections::HashMap;

use events::EventPattern;
use events::{Position, Timestamp, WebhookId};
use projections::postgres::WebhookRow;
use projections::postgres::delivery::Standing;
use projections::postgres::webhook::WebhookState as State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::ApiState;

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Webhook {
    pub id: Uuid,
    /// `null`: the installation's.
    pub organization: Option<Uuid>,
    pub organization_slug: Option<String>,
    /// `null`: forgotten.
    pub name: Option<String>,
    /// It may hold a token. `null`: forgotten.
    pub url: Option<String>,
    /// Which events are sent.
    pub types: Vec<String>,
    pub state: WebhookState,
    /// Until when the secret before signs as well; `null`: the newest signs alone.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub previous_secret_until: Option<Timestamp>,
    pub deliveries: Deliveries,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// The position of the newest event that changed it. Opaque.
    #[schema(value_type = Option<String>)]
    pub position: Option<Position>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WebhookState {
    Active,
    /// Nothing is sent until it is resumed; then it goes on where it stood.
    Paused,
    /// Its endpoint answered 410 Gone: as paused.
    Stopped,
    /// For ever.
    Removed,
}

/// How its deliveries stand.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Deliveries {
    pub waiting: u64,
    /// Given up; they can be sent again.
    pub dead: u64,
    /// Its last attempt failed.
    pub failing: bool,
    /// A replay is being queued.
    pub replaying: bool,
    /// Since when the oldest that waits has been queued.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub oldest_at: Option<Timestamp>,
    /// Every event up to this position is queued, or was sent.
    #[schema(value_type = Option<String>)]
    pub queued: Option<Position>,
}

impl Webhook {
    pub fn of(api: &ApiState, row: WebhookRow, standing: &HashMap<WebhookId, Standing>) -> Self {
        let standing = standing.get(&row.id);
        let now = api.clock.now();
        Self {
            id: row.id.uuid(),
            organization: row.owner.organization().map(|id| id.uuid()),
            organization_slug: row.owner.organization().and_then(|id| api.organization_slug(id)),
            name: row.name,
            url: row.url.map(|url| url.as_str().to_owned()),
            types: row.types.iter().map(EventPattern::to_string).collect(),
            state: match row.state {
                State::Active if standing.is_some_and(|standing| standing.stopped_at.is_some()) => {
                    WebhookState::Stopped
                }
                State::Active => WebhookState::Active,
                State::Paused => WebhookState::Paused,
                State::Removed => WebhookState::Removed,
            },
            previous_secret_until: row.previous_until.filter(|until| *until > now),
            deliveries: standing.map(|standing| Deliveries::of(api, standing)).unwrap_or_default(),
            created_at: row.created_at,
            updated_at: row.updated_at,
            position: api.position(row.changed),
        }
    }
}

impl Deliveries {
    fn of(api: &ApiState, standing: &Standing) -> Self {
        Self {
            waiting: standing.waiting,
            dead: standing.dead,
            failing: standing.failing,
            replaying: standing.replaying,
            oldest_at: standing.oldest_at,
            queued: api.position(standing.sequence),
        }
    }
}
