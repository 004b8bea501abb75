//! A client as the API shows it: everything but its secrets.

use events::client::{ClientMetadata, Origin};
use events::{Position, Timestamp};
use projections::postgres::ClientRow;
use projections::postgres::client::ClientState as State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::ApiState;

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Client {
    /// The `client_id` that it sends, but for one of a document, which sends the document's URL.
    pub id: Uuid,
    /// `null`: the installation's, for people of every organization.
    pub organization: Option<Uuid>,
    pub organization_slug: Option<String>,
    /// `given`: an operator or an admin registered it; `dynamic`: it registered itself; `document`: it is known by its
    /// metadata document.
    pub origin: String,
    /// The URL of its metadata document.
    pub document: Option<String>,
    /// What it calls itself; `null`: forgotten.
    pub name: Option<String>,
    /// Members of RFC 7591 §2.
    #[schema(value_type = serde_json::Value)]
    pub metadata: ClientMetadata,
    pub state: ClientState,
    /// Those that are not revoked, oldest first.
    pub secrets: Vec<ClientSecret>,
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
pub enum ClientState {
    Active,
    /// None of its grants works until it is enabled.
    Disabled,
    /// For ever.
    Removed,
}

/// What is known of a client's secret.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ClientSecret {
    pub id: Uuid,
    #[schema(value_type = String, format = DateTime)]
    pub issued_at: Timestamp,
    /// `null`: it does not end by itself.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
}

impl Client {
    pub fn of(api: &ApiState, row: ClientRow) -> Self {
        let secret = |secret: projections::postgres::client::ClientSecretRow| ClientSecret {
            id: secret.id.uuid(),
            issued_at: secret.issued_at,
            expires_at: secret.expires_at,
        };
        Self {
            id: row.id.uuid(),
            organization: row.owner.organization().map(|id| id.uuid()),
            organization_slug: row.owner.organization().and_then(|id| api.organization_slug(id)),
            origin: row.origin.as_str().to_owned(),
            document: document(&row.origin),
            name: row.name,
            metadata: row.metadata,
            state: match row.state {
                State::Active => ClientState::Active,
                State::Disabled => ClientState::Disabled,
                State::Removed => ClientState::Removed,
            },
            secrets: row.secrets.into_iter().map(secret).collect(),
            created_at: row.created_at,
            updated_at: row.updated_at,
            position: api.position(row.changed),
        }
    }
}

/// The document that a client is known by.
pub fn document(origin: &Origin) -> Option<String> {
    match origin {
        Origin::Document { url } => Some(url.to_string()),
        Origin::Dynamic | Origin::Given => None,
    }
}
