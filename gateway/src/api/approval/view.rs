//! An approval as the API shows one.

use events::{Position, Timestamp};
use projections::postgres::approval::{ApprovalListed, ApprovalState as State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::ApiState;
use crate::api::client::document;

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Approval {
    pub client: Uuid,
    /// What the client calls itself; `null`: nobody has used it yet, or it is forgotten.
    pub client_name: Option<String>,
    /// The URL of its metadata document.
    pub document: Option<String>,
    pub organization: Uuid,
    pub organization_slug: Option<String>,
    pub state: ApprovalState,
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
pub enum ApprovalState {
    Given,
    /// Until it is given again.
    Withdrawn,
}

impl Approval {
    pub fn of(api: &ApiState, listed: ApprovalListed) -> Self {
        let ApprovalListed { row, known } = listed;
        Self {
            client: row.client.uuid(),
            document: known.as_ref().and_then(|known| document(&known.origin)),
            client_name: known.and_then(|known| known.name),
            organization: row.organization.uuid(),
            organization_slug: api.organization_slug(row.organization),
            state: match row.state {
                State::Given => ApprovalState::Given,
                State::Withdrawn => ApprovalState::Withdrawn,
            },
            created_at: row.created_at,
            updated_at: row.updated_at,
            position: api.position(row.changed),
        }
    }
}
