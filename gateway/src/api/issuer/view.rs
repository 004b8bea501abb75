//! An issuer as the API shows it: everything but its credential.

use events::issuer::{ClaimRule, Protocol, Required};
use events::{Position, Timestamp};
use projections::postgres::IssuerRow;
use projections::postgres::issuer::IssuerState as State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::ApiState;

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Issuer {
    pub id: Uuid,
    /// `null`: the installation's.
    pub organization: Option<Uuid>,
    pub organization_slug: Option<String>,
    pub slug: String,
    /// `null`: forgotten.
    pub name: Option<String>,
    /// `{kind: "openid", issuer}` or `{kind: "entra", authority, tenants, guests}`.
    #[schema(value_type = serde_json::Value)]
    pub protocol: Protocol,
    pub settings: Settings,
    pub state: IssuerState,
    /// `null`: it has none.
    pub credential: Option<Credential>,
    /// Where the issuer sends people back to: register it there.
    #[schema(format = "uri")]
    pub redirect_uri: String,
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
#[schema(as = IssuerState)]
pub enum IssuerState {
    Enabled,
    /// Nobody signs in at it.
    Disabled,
    /// For ever.
    Removed,
}

/// What is known of a credential that is in the vault.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = IssuerCredential)]
pub struct Credential {
    pub id: Uuid,
    /// `secret` or `certificate`.
    pub kind: String,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub set_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = IssuerSettings)]
pub struct Settings {
    pub client_id: String,
    pub authentication: String,
    pub scopes: Vec<String>,
    pub algorithms: Vec<String>,
    /// `{claim, value, organization?, role?, scopes?}`.
    #[schema(value_type = Vec<serde_json::Value>)]
    pub rules: Vec<ClaimRule>,
    pub overage: String,
    pub restrictions: Restrictions,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = IssuerRestrictions)]
pub struct Restrictions {
    pub domains: Vec<String>,
    /// `{claim, any_of}`.
    #[schema(value_type = Vec<serde_json::Value>)]
    pub required: Vec<Required>,
}

impl Issuer {
    pub fn of(api: &ApiState, row: IssuerRow) -> Self {
        let settings = row.settings;
        let kind = row.credential_kind;
        let credential = row.credential.zip(kind).map(|(id, kind)| Credential {
            id: id.uuid(),
            kind: kind.as_str().to_owned(),
            set_at: row.credential_at,
        });
        Self {
            id: row.id.uuid(),
            organization: row.owner.organization().map(|id| id.uuid()),
            organization_slug: row.owner.organization().and_then(|id| api.organization_slug(id)),
            slug: row.slug.to_string(),
            name: row.name,
            protocol: settings.protocol,
            settings: Settings {
                client_id: settings.client_id.to_string(),
                authentication: settings.authentication.as_str().to_owned(),
                scopes: settings.scopes.iter().map(ToString::to_string).collect(),
                algorithms: settings.algorithms.iter().map(|one| one.as_str().to_owned()).collect(),
                rules: settings.rules.iter().cloned().collect(),
                overage: settings.overage.as_str().to_owned(),
                restrictions: Restrictions {
                    domains: settings.restrictions.domains.iter().map(ToString::to_string).collect(),
                    required: settings.restrictions.required,
                },
            },
            state: match row.state {
                State::Enabled => IssuerState::Enabled,
                State::Disabled => IssuerState::Disabled,
                State::Removed => IssuerState::Removed,
            },
            credential,
            redirect_uri: api.sign_in.redirect().to_string(),
            created_at: row.created_at,
            updated_at: row.updated_at,
            position: api.position(row.changed),
        }
    }
}
