//! A key as the API shows it: everything but its secret and its digest.

use events::{Owner, Position, Timestamp};
use projections::postgres::KeyRow;
use projections::postgres::key::KeyState as State;
use projections::postgres::names::Names;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::issue::{EnvironmentOfKey, OwnerOfKey};
use crate::api::ApiState;

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Key {
    pub id: Uuid,
    /// `null`: the installation's.
    pub organization: Option<Uuid>,
    pub organization_slug: Option<String>,
    /// For whom it speaks; `null`: for the installation.
    pub owner: Option<OwnerOfKey>,
    /// `null`: forgotten.
    pub name: Option<String>,
    /// What the key starts with.
    pub prefix: String,
    /// Its last four characters.
    pub last_four: String,
    pub environment: EnvironmentOfKey,
    pub state: KeyState,
    pub scopes: Vec<String>,
    /// Refused before; `null`: valid at once.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub not_before: Option<Timestamp>,
    /// Refused from then on; `null`: never expires.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// An object; `null`: none, or forgotten.
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Value>,
    /// Why it was disabled or revoked; `null`: nobody said, or forgotten.
    pub reason: Option<String>,
    /// Who issued it: `key:<id>`, `user:<id>`, `client:<id>`, `grant:<id>` or `system:<name>`.
    pub issued_by: String,
    /// What the key that issued it is called now, if it is one of yours.
    pub issued_by_name: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub revoked_at: Option<Timestamp>,
    /// The position of the newest event that changed it. Opaque.
    #[schema(value_type = Option<String>)]
    pub position: Option<Position>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    Active,
    /// Past its `expires_at`.
    Expired,
    Disabled,
    /// For ever.
    Revoked,
}

impl Key {
    pub fn of(api: &ApiState, names: &Names, row: KeyRow) -> Self {
        let expired = row.expires_at.is_some_and(|expires_at| api.clock.now() >= expires_at);
        Self {
            id: row.id.uuid(),
            organization: row.owner.organization().map(|id| id.uuid()),
            organization_slug: row.owner.organization().and_then(|id| api.organization_slug(id)),
            owner: match row.owner {
                Owner::Installation => None,
                Owner::Organization(_) => OwnerOfKey::of(&row.key_owner),
            },
            name: row.name,
            prefix: row.prefix,
            last_four: row.last_four,
            environment: row.environment.into(),
            state: match row.state {
                State::Active if expired => KeyState::Expired,
                State::Active => KeyState::Active,
                State::Disabled => KeyState::Disabled,
                State::Revoked => KeyState::Revoked,
            },
            scopes: row.scopes.iter().map(ToString::to_string).collect(),
            not_before: row.not_before,
            expires_at: row.expires_at,
            metadata: row.metadata,
            reason: row.reason,
            issued_by: row.issued_by.to_string(),
            issued_by_name: names.of_actor(&row.issued_by),
            created_at: row.created_at,
            updated_at: row.updated_at,
            revoked_at: row.revoked_at,
            position: api.position(row.changed),
        }
    }
}
