//! A member as the API shows one.

use events::{Position, Timestamp};
use projections::postgres::member::{MemberListed, MemberState as State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::ApiState;

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Member {
    pub person: Uuid,
    pub organization: Uuid,
    pub organization_slug: Option<String>,
    /// What the person is called; `null`: not known, or forgotten. So is the address.
    pub name: Option<String>,
    pub email: Option<String>,
    pub role: String,
    /// What of MCP servers clients may be granted for the person.
    pub scopes: Vec<String>,
    pub state: MemberState,
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
pub enum MemberState {
    Active,
    /// Until the person is added again.
    Removed,
}

impl Member {
    pub fn of(api: &ApiState, listed: MemberListed) -> Self {
        let MemberListed { row, name, email } = listed;
        Self {
            person: row.person.uuid(),
            organization: row.organization.uuid(),
            organization_slug: api.organization_slug(row.organization),
            name,
            email,
            role: row.role.to_string(),
            scopes: row.scopes.iter().map(ToString::to_string).collect(),
            state: match row.state {
                State::Active => MemberState::Active,
                State::Removed => MemberState::Removed,
            },
            created_at: row.created_at,
            updated_at: row.updated_at,
            position: api.position(row.changed),
        }
    }
}
