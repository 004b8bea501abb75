//! What a person holds, from memory. Whatever falls with a person is listed here: what is added elsewhere (grants, sessions)
//! gets a member of its own.

use events::UserId;
use projections::directory::{KeyState, MemberState};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::ApiState;

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Held {
    /// By which the person signs in.
    pub identities: Vec<HeldIdentity>,
    /// What the person is in organizations, those from which they were removed left out.
    pub memberships: Vec<Membership>,
    /// Keys that speak for the person and are not revoked.
    pub keys: Vec<HeldKey>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct HeldIdentity {
    pub issuer: Uuid,
    /// Of tenant and subject, which are stored nowhere.
    pub digest: String,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Membership {
    pub organization: Uuid,
    pub organization_slug: Option<String>,
    pub role: String,
    /// What of MCP servers clients may be granted for the person there.
    pub scopes: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct HeldKey {
    pub id: Uuid,
    /// The organization that it belongs to.
    pub organization: Option<Uuid>,
    pub organization_slug: Option<String>,
    pub prefix: String,
    pub last_four: String,
}

impl Held {
    pub fn of(api: &ApiState, person: UserId) -> Self {
        let identities = api.directory.person(person).map(|entry| entry.identities.to_vec());
        let members = api.directory.memberships_of(person).into_iter();
        let keys = api.directory.keys_of(person).into_iter();
        Self {
            identities: identities
                .unwrap_or_default()
                .into_iter()
                .map(|it| HeldIdentity { issuer: it.issuer.uuid(), digest: it.digest.to_string() })
                .collect(),
            memberships: members
                .filter(|entry| entry.state != MemberState::Removed)
                .map(|entry| Membership {
                    organization: entry.organization.uuid(),
                    organization_slug: api.organization_slug(entry.organization),
                    role: entry.role.to_string(),
                    scopes: entry.scopes.iter().map(ToString::to_string).collect(),
                })
                .collect(),
            keys: keys
                .filter(|entry| entry.state != KeyState::Revoked)
                .map(|entry| {
                    let organization = entry.owner.organization();
                    HeldKey {
                        id: entry.id.uuid(),
                        organization: organization.map(|id| id.uuid()),
                        organization_slug: organization.and_then(|id| api.organization_slug(id)),
                        prefix: entry.prefix.to_string(),
                        last_four: entry.last_four.to_string(),
                    }
                })
                .collect(),
        }
    }
}
