//! What a person holds, from memory, and their sessions from where they lie. Whatever falls with a person is listed here: what
//! is added elsewhere gets a member of its own.

use events::{Holder, Timestamp, UserId};
use projections::directory::{ConsentState, GrantState, KeyState, MemberState};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::sessions::{self, HeldSession};
use crate::api::ApiState;
use crate::api::grant::{GrantedClient, Works};

/// At most so many of each are shown: an organization's lists have all of them.
const MOST: usize = 200;

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Held {
    /// By which the person signs in.
    pub identities: Vec<HeldIdentity>,
    /// What the person is in organizations, those from which they were removed left out.
    pub memberships: Vec<Membership>,
    /// Keys that speak for the person and are not revoked.
    pub keys: Vec<HeldKey>,
    /// What clients may do by the person's right: neither ended nor expired, the newest 200. A grant says whether it works.
    pub grants: Vec<HeldGrant>,
    /// What the person lets clients do, and has not withdrawn: the newest 200.
    pub consents: Vec<HeldConsent>,
    /// Where the person is signed in; `null`: that can't be told at the moment.
    pub sessions: Option<Vec<HeldSession>>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct HeldGrant {
    pub id: Uuid,
    pub organization: Uuid,
    pub organization_slug: Option<String>,
    pub client: GrantedClient,
    pub server: Uuid,
    pub server_slug: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    pub works: Works,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct HeldConsent {
    pub id: Uuid,
    pub organization: Uuid,
    pub organization_slug: Option<String>,
    pub client: GrantedClient,
    pub server: Uuid,
    pub server_slug: Option<String>,
    pub scopes: Vec<String>,
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
    pub async fn of(api: &ApiState, person: UserId) -> Self {
        let sessions = sessions::held(api, person).await.ok();
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
            grants: grants(api, person),
            consents: consents(api, person),
            sessions,
        }
    }
}

fn grants(api: &ApiState, person: UserId) -> Vec<HeldGrant> {
    let now = api.clock.now();
    let mut grants = api.directory.grants_of(Holder::Person { id: person });
    grants.retain(|entry| entry.state != GrantState::Ended && entry.expires_at > now);
    grants.sort_unstable_by_key(|entry| std::cmp::Reverse(entry.given));
    let shown = grants.into_iter().take(MOST).map(|entry| HeldGrant {
        id: entry.id.uuid(),
        organization: entry.organization.uuid(),
        organization_slug: api.organization_slug(entry.organization),
        client: GrantedClient::of(api, entry.client),
        server: entry.server.uuid(),
        server_slug: api.directory.server_by_id(entry.server).map(|server| server.slug.to_string()),
        expires_at: entry.expires_at,
        works: Works::of(api, entry),
    });
    shown.collect()
}

fn consents(api: &ApiState, person: UserId) -> Vec<HeldConsent> {
    let mut consents = api.directory.consents_of(Holder::Person { id: person });
    consents.retain(|entry| entry.state != ConsentState::Withdrawn);
    consents.sort_unstable_by_key(|entry| std::cmp::Reverse(entry.since));
    let shown = consents.into_iter().take(MOST).map(|entry| HeldConsent {
        id: entry.id.uuid(),
        organization: entry.organization.uuid(),
        organization_slug: api.organization_slug(entry.organization),
        client: GrantedClient::of(api, entry.client),
        server: entry.server.uuid(),
        server_slug: api.directory.server_by_id(entry.server).map(|server| server.slug.to_string()),
        scopes: entry.scopes.iter().map(ToString::to_string).collect(),
    });
    shown.collect()
}
