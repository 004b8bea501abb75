//! A consent as the API shows one.

use events::{Position, Timestamp};
use projections::postgres::consent::{ConsentListed, ConsentState as State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::ApiState;
use crate::api::grant::{GrantedClient, GrantedHolder};

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Consent {
    pub id: Uuid,
    pub organization: Uuid,
    pub organization_slug: Option<String>,
    /// Who gave it.
    pub holder: GrantedHolder,
    pub client: GrantedClient,
    pub server: Uuid,
    pub server_slug: Option<String>,
    /// What was consented to last.
    pub scopes: Vec<String>,
    pub state: ConsentState,
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
pub enum ConsentState {
    Given,
    /// Until it is given again. What was granted before does not come back by that.
    Withdrawn,
}

impl From<ConsentState> for State {
    fn from(state: ConsentState) -> Self {
        match state {
            ConsentState::Given => Self::Given,
            ConsentState::Withdrawn => Self::Withdrawn,
        }
    }
}

impl Consent {
    pub fn of(api: &ApiState, listed: ConsentListed) -> Self {
        let ConsentListed { row, person_name, person_email, key_name } = listed;
        Self {
            id: row.id.uuid(),
            organization: row.organization.uuid(),
            organization_slug: api.organization_slug(row.organization),
            holder: GrantedHolder::new(row.person, row.key, person_name, person_email, key_name),
            client: GrantedClient::of(api, row.client),
            server: row.server.uuid(),
            server_slug: api.directory.server_by_id(row.server).map(|server| server.slug.to_string()),
            scopes: row.scopes.iter().map(ToString::to_string).collect(),
            state: match row.state {
                State::Given => ConsentState::Given,
                State::Withdrawn => ConsentState::Withdrawn,
            },
            created_at: row.created_at,
            updated_at: row.updated_at,
            position: api.position(row.changed),
        }
    }
}
