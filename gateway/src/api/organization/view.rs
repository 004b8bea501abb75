//! An organization as the API shows it.

use events::Position;
use projections::postgres::OrganizationRow;
use projections::postgres::organization::OrganizationState as State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::ApiState;

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Organization {
    pub id: Uuid,
    pub slug: String,
    /// `null`: forgotten.
    pub name: Option<String>,
    pub state: OrganizationState,
    /// Whether its people may use those clients alone that it has approved.
    pub client_approval_required: bool,
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
pub enum OrganizationState {
    Active,
    /// None of its keys works.
    Suspended,
    /// The same, for ever; what people wrote of it is erased.
    Forgotten,
}

impl Organization {
    pub fn of(api: &ApiState, row: OrganizationRow) -> Self {
        Self {
            id: row.id.uuid(),
            slug: row.slug.to_string(),
            name: row.name,
            state: match row.state {
                State::Active => OrganizationState::Active,
                State::Suspended => OrganizationState::Suspended,
                State::Forgotten => OrganizationState::Forgotten,
            },
            client_approval_required: row.requires_approval,
            created_at: row.created_at,
            updated_at: row.updated_at,
            position: api.position(row.changed),
        }
    }
}
