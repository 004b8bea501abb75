//! A person as the API shows one.

use events::{Position, Timestamp};
use projections::postgres::PersonRow;
use projections::postgres::person::PersonState as State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::held::Held;
use crate::api::ApiState;

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Person {
    pub id: Uuid,
    pub state: PersonState,
    /// `null`: not known, or forgotten; so is the name, and the picture.
    pub email: Option<String>,
    /// Whether the identity provider says that the address is the person's.
    pub email_verified: bool,
    pub name: Option<String>,
    pub picture: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub signed_out_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// The position of the newest event that changed it. Opaque.
    #[schema(value_type = Option<String>)]
    pub position: Option<Position>,
}

/// A person with what they hold.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PersonShown {
    #[serde(flatten)]
    pub person: Person,
    pub holds: Held,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PersonState {
    Active,
    /// Nothing of theirs works until they are resumed.
    Suspended,
    /// For ever.
    Ended,
    /// Ended, and nothing is known of them any more.
    Forgotten,
}

impl Person {
    pub fn of(api: &ApiState, row: PersonRow) -> Self {
        Self {
            id: row.id.uuid(),
            state: match row.state {
                State::Active => PersonState::Active,
                State::Suspended => PersonState::Suspended,
                State::Ended => PersonState::Ended,
                State::Forgotten => PersonState::Forgotten,
            },
            email: row.email,
            email_verified: row.email_verified,
            name: row.name,
            picture: row.picture,
            signed_out_at: row.signed_out_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
            position: api.position(row.changed),
        }
    }
}
