//! An event as the history shows it, and the history of one thing.

use events::{Position, Timestamp};
use projections::postgres::PageQuery;
use projections::postgres::history::{Loss, Order, Told};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::ApiState;
use super::event::FeedPlace;
use super::query::{Limit, ListQuery};
use crate::problem::Problem;

/// What the history of one thing takes.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct HistoryQuery {
    #[serde(default)]
    #[param(inline)]
    pub order: EventOrder,
    /// How many items at most: 1 to 200.
    #[serde(default)]
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
    /// `next` of the page before, in the same order; nothing for the first page.
    #[param(max_length = 200)]
    cursor: Option<String>,
    /// The `position` of an earlier write: the answer waits, a bounded time, until it includes it.
    #[param(value_type = Option<String>)]
    pub at_least: Option<Position>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventOrder {
    #[default]
    NewestFirst,
    OldestFirst,
}

impl HistoryQuery {
    pub fn page(&self) -> Result<PageQuery, Problem> {
        ListQuery { limit: self.limit, cursor: self.cursor.clone(), at_least: self.at_least }.page()
    }
}

impl From<EventOrder> for Order {
    fn from(order: EventOrder) -> Self {
        match order {
            EventOrder::NewestFirst => Self::NewestFirst,
            EventOrder::OldestFirst => Self::OldestFirst,
        }
    }
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RecordedEvent {
    pub id: Uuid,
    /// Such as `key.issued`.
    #[serde(rename = "type")]
    #[schema(example = "key.issued")]
    pub kind: String,
    pub schema_version: u32,
    /// When it happened, by the clock of the gateway that wrote it.
    #[schema(value_type = String, format = DateTime)]
    pub time: Timestamp,
    /// When the log stored it, by the log's clock.
    #[schema(value_type = String, format = DateTime)]
    pub stored_at: Timestamp,
    /// Such as `key` or `server`.
    pub aggregate_type: String,
    pub aggregate_id: String,
    /// What it happened to is called now: a key, a server, an organization.
    pub name: Option<String>,
    /// The organization that it happened in or to; `null`: it is the installation's.
    pub organization: Option<Uuid>,
    pub organization_slug: Option<String>,
    /// Who: `key:<id>`, `user:<id>`, `client:<id>`, `grant:<id>`, `system:<name>` or `reactor:<name>`.
    pub actor: String,
    /// What the key that did it is called now, if it is one of yours.
    pub actor_name: Option<String>,
    /// The command that made it.
    pub command: Uuid,
    /// The event that made a reactor send the command.
    pub causation: Option<Uuid>,
    /// The event of the same object before it; `null`: it is the first.
    pub previous: Option<Uuid>,
    /// What the event says, without digests and free text.
    #[schema(value_type = Object)]
    pub data: Map<String, Value>,
    /// What people wrote, by field; `null`: forgotten.
    #[schema(value_type = Object)]
    pub texts: Map<String, Value>,
    /// Of a change: what stood there before, by member of `data` and `texts`; `null`: nothing, or it is forgotten. A
    /// member that many later events lie upon is left out.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object)]
    pub before: Map<String, Value>,
    /// Its place in the log, from 1: events are in this order.
    pub sequence: u64,
    /// The same place for `after`. Opaque.
    #[schema(value_type = Option<String>)]
    pub position: Option<FeedPlace>,
}

impl RecordedEvent {
    /// `losses`: all that were accepted; an object's own history names plain positions.
    pub fn of(
        api: &ApiState,
        Told { row, actor_name, name, organization, before }: Told,
        losses: &[Loss],
    ) -> Self {
        let in_organization = row.organization();
        Self {
            id: row.event.uuid(),
            kind: row.kind,
            schema_version: row.schema_version,
            time: row.time,
            stored_at: row.stored_at,
            aggregate_type: row.aggregate_type.to_string(),
            aggregate_id: row.aggregate_id.to_string(),
            name,
            organization: in_organization,
            organization_slug: organization,
            actor: row.actor.to_string(),
            actor_name,
            command: row.command.uuid(),
            causation: row.causation.map(|event| event.uuid()),
            previous: row.previous.map(|event| event.uuid()),
            data: row.data,
            texts: row.texts,
            before,
            sequence: row.sequence,
            position: api.position(row.sequence).map(|position| FeedPlace::of(position, losses)),
        }
    }
}
