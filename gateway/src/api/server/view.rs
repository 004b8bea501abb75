//! A server as the API shows it.

use events::Position;
use projections::postgres::ServerRow;
use projections::postgres::server::ServerState as State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::settings::ServerSettings;
use crate::api::ApiState;

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Server {
    pub id: Uuid,
    pub organization: Uuid,
    pub slug: String,
    /// `null`: forgotten.
    pub name: Option<String>,
    pub upstream: String,
    pub settings: ServerSettings,
    pub state: ServerState,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: events::Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: events::Timestamp,
    /// The position of the newest event that changed it. Opaque.
    #[schema(value_type = Option<String>)]
    pub position: Option<Position>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ServerState {
    Enabled,
    Disabled,
    /// For ever.
    Removed,
}

impl Server {
    pub fn of(api: &ApiState, row: ServerRow) -> Self {
        Self {
            id: row.id.uuid(),
            organization: row.organization.uuid(),
            slug: row.slug.to_string(),
            name: row.name,
            upstream: row.upstream.to_string(),
            settings: row.settings.into(),
            state: match row.state {
                State::Enabled => ServerState::Enabled,
                State::Disabled => ServerState::Disabled,
                State::Removed => ServerState::Removed,
            },
            created_at: row.created_at,
            updated_at: row.updated_at,
            position: api.position(row.changed),
        }
    }
}
