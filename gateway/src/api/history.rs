//! An event as the history shows it.

use events::{Position, Timestamp};
use projections::postgres::EventRow;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::ApiState;

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
    /// Who: `key:<id>`, `user:<id>`, `client:<id>`, `grant:<id>`, `system:<name>` or `reactor:<name>`.
    pub actor: String,
    /// The command that made it.
    pub command: Uuid,
    /// The event that made a reactor send the command.
    pub causation: Option<Uuid>,
    /// What the event says, without digests and free text.
    #[schema(value_type = Object)]
    pub data: Map<String, Value>,
    /// What people wrote, by field; `null`: forgotten.
    #[schema(value_type = Object)]
    pub texts: Map<String, Value>,
    /// Opaque.
    #[schema(value_type = Option<String>)]
    pub position: Option<Position>,
}

impl RecordedEvent {
    pub fn of(api: &ApiState, row: EventRow) -> Self {
        Self {
            id: row.event.uuid(),
            kind: row.kind,
            schema_version: row.schema_version,
            time: row.time,
            stored_at: row.stored_at,
            aggregate_type: row.aggregate_type.to_string(),
            aggregate_id: row.aggregate_id.to_string(),
            actor: row.actor.to_string(),
            command: row.command.uuid(),
            causation: row.causation.map(|event| event.uuid()),
            data: row.data,
            texts: row.texts,
            position: api.position(row.sequence),
        }
    }
}
