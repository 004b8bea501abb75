//! A server as the API shows it.

use events::{OrganizationId, Position, Slug};
use projections::postgres::ServerRow;
use projections::postgres::server::ServerState as State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::settings::ServerSettings;
use crate::api::ApiState;
use crate::request::identity::audience;

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Server {
    pub id: Uuid,
    pub organization: Uuid,
    /// `null`: it is not known here yet.
    pub organization_slug: Option<String>,
    pub slug: String,
    /// `null`: forgotten.
    pub name: Option<String>,
    /// Where clients reach it. `null`: its organization is not known here yet.
    #[schema(value_type = Option<String>, format = "uri")]
    pub url: Option<String>,
    /// Whom the identity tokens that it is sent are for (`aud`).
    pub audience: String,
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

/// Where clients reach a server.
pub fn url(api: &ApiState, organization: OrganizationId, server: &Slug) -> Option<String> {
    let organization = api.organization_slug(organization)?;
    Some(format!("{}/mcp/{organization}/{server}", api.settings.public_url))
}

impl Server {
    pub fn of(api: &ApiState, row: ServerRow) -> Self {
        Self {
            id: row.id.uuid(),
            organization: row.organization.uuid(),
            organization_slug: api.organization_slug(row.organization),
            slug: row.slug.to_string(),
            name: row.name,
            url: url(api, row.organization, &row.slug),
            audience: audience(row.id),
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
