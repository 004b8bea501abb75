//! An invitation as the API shows one: everything but its secret.

use events::{Position, Timestamp};
use projections::postgres::InvitationRow;
use projections::postgres::invitation::InvitationState as State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::ApiState;

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Invitation {
    pub id: Uuid,
    pub organization: Uuid,
    pub organization_slug: Option<String>,
    /// `null`: none, or forgotten; so is the address.
    pub name: Option<String>,
    pub email: Option<String>,
    pub role: String,
    pub scopes: Vec<String>,
    pub state: InvitationState,
    /// Who became a member by it.
    pub person: Option<Uuid>,
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
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
pub enum InvitationState {
    Open,
    /// Nobody has used it in time.
    Expired,
    Accepted,
    /// For ever.
    Withdrawn,
}

impl Invitation {
    pub fn of(api: &ApiState, row: InvitationRow) -> Self {
        Self {
            id: row.id.uuid(),
            organization: row.organization.uuid(),
            organization_slug: api.organization_slug(row.organization),
            name: row.name,
            email: row.email,
            role: row.role.to_string(),
            scopes: row.scopes.iter().map(ToString::to_string).collect(),
            state: match row.state {
                State::Open if api.clock.now() >= row.expires_at => InvitationState::Expired,
                State::Open => InvitationState::Open,
                State::Accepted => InvitationState::Accepted,
                State::Withdrawn => InvitationState::Withdrawn,
            },
            person: row.person.map(|id| id.uuid()),
            expires_at: row.expires_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
            position: api.position(row.changed),
        }
    }
}
