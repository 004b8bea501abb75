//! A grant as the API shows one: what its events say, and, from this node's memory, whether it works now.

use std::sync::Arc;

use events::client::Origin;
use events::{ClientId, GrantId, KeyId, Position, Timestamp, UserId};
use projections::directory::GrantEntry;
use projections::postgres::grant::{GrantListed, GrantState as State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::ApiState;
use crate::request::ancestry::Ancestry;

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Grant {
    pub id: Uuid,
    pub organization: Uuid,
    pub organization_slug: Option<String>,
    /// By whose right.
    pub holder: GrantedHolder,
    pub client: GrantedClient,
    pub server: Uuid,
    pub server_slug: Option<String>,
    /// What was granted.
    pub scopes: Vec<String>,
    /// What its events and the time say. Whether it works is more than that.
    pub state: GrantState,
    /// Why it ended before its time: `revoked`, `code_replayed`, `refresh_reused`, `client_revoked` or `superseded`.
    pub cause: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Whether the client may use it now.
    pub works: Works,
    /// The position of the newest event that changed it. Opaque.
    #[schema(value_type = Option<String>)]
    pub position: Option<Position>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GrantState {
    Given,
    /// Before its time, for ever.
    Ended,
    /// Its time is over.
    Expired,
}

/// Who gave something to a client.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct GrantedHolder {
    pub kind: HolderKind,
    /// The person's, or the key's.
    pub id: Uuid,
    /// `null`: not known, or forgotten.
    pub name: Option<String>,
    /// A person's.
    pub email: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HolderKind {
    Person,
    /// Whoever holds it.
    Key,
}

/// The client that holds something.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct GrantedClient {
    pub id: Uuid,
    /// The URL of the document that it is known by.
    pub document: Option<String>,
}

/// What a node would say to a call with it, as this one knows.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Works {
    pub now: bool,
    /// Why not, as a refused call names it.
    pub reason: Option<String>,
    /// The same in words.
    pub detail: Option<String>,
    /// What it may do now, of what was granted: never more than its consent and its holder allow by now.
    pub scopes: Vec<String>,
}

impl Grant {
    pub fn of(api: &ApiState, listed: GrantListed) -> Self {
        let GrantListed { row, state, person_name, person_email, key_name } = listed;
        Self {
            id: row.id.uuid(),
            organization: row.organization.uuid(),
            organization_slug: api.organization_slug(row.organization),
            holder: GrantedHolder::new(row.person, row.key, person_name, person_email, key_name),
            client: GrantedClient::of(api, row.client),
            server: row.server.uuid(),
            server_slug: api.directory.server_by_id(row.server).map(|server| server.slug.to_string()),
            scopes: row.scopes.iter().map(ToString::to_string).collect(),
            state: match state {
                State::Given => GrantState::Given,
                State::Ended => GrantState::Ended,
                State::Expired => GrantState::Expired,
            },
            cause: row.cause.map(|cause| cause.as_str().to_owned()),
            ended_at: row.ended_at,
            expires_at: row.expires_at,
            created_at: row.created_at,
            works: Works::of_id(api, row.id, state),
            position: api.position(row.changed),
        }
    }
}

impl From<GrantState> for State {
    fn from(state: GrantState) -> Self {
        match state {
            GrantState::Given => Self::Given,
            GrantState::Ended => Self::Ended,
            GrantState::Expired => Self::Expired,
        }
    }
}

impl Works {
    /// `state`: what the read model says, for one that this node's memory does not hold any more, or not yet.
    fn of_id(api: &ApiState, id: GrantId, state: State) -> Self {
        match api.directory.grant(id) {
            Some(entry) => Self::of(api, entry),
            None => match state {
                State::Given => {
                    Self::not("not_known", "this process has not come to the grant's event yet: ask again")
                }
                State::Ended => Self::not("grant_ended", "the grant has ended"),
                State::Expired => Self::not("expired", "the grant has expired"),
            },
        }
    }

    pub fn of(api: &ApiState, entry: Arc<GrantEntry>) -> Self {
        let ancestry = Ancestry::of(&api.directory, entry);
        match ancestry.check(api.clock.now()) {
            Ok(()) => Self {
                now: true,
                reason: None,
                detail: None,
                scopes: ancestry.scopes().iter().map(ToString::to_string).collect(),
            },
            Err(fallen) => Self::not(fallen.name(), &fallen.to_string()),
        }
    }

    fn not(reason: &str, detail: &str) -> Self {
        let (reason, detail) = (Some(reason.to_owned()), Some(detail.to_owned()));
        Self { now: false, reason, detail, scopes: Vec::new() }
    }
}

impl GrantedHolder {
    /// One of both is there; of none the id is nil.
    pub fn new(
        person: Option<UserId>,
        key: Option<KeyId>,
        person_name: Option<String>,
        person_email: Option<String>,
        key_name: Option<String>,
    ) -> Self {
        match person {
            Some(person) => {
                Self { kind: HolderKind::Person, id: person.uuid(), name: person_name, email: person_email }
            }
            None => Self {
                kind: HolderKind::Key,
                id: key.map(KeyId::uuid).unwrap_or_default(),
                name: key_name,
                email: None,
            },
        }
    }
}

impl GrantedClient {
    pub fn of(api: &ApiState, id: ClientId) -> Self {
        let client = api.directory.client(id);
        let document = client.and_then(|client| match &client.origin {
            Origin::Document { url } => Some(url.as_str().to_owned()),
            Origin::Dynamic | Origin::Given => None,
        });
        Self { id: id.uuid(), document }
    }
}
