//! The stored form of clients, of what they were granted, and of the keys that sign tokens.

use std::borrow::Cow;
use std::sync::Arc;

use events::client::Origin;
use events::digest::DigestBytes;
use events::token_key::{Coordinate, TokenAlgorithm};
use events::{
    ApprovalId, ClientId, ConsentId, GrantId, Holder, KeyId, OrganizationId, Owner, ScopeSet, SecretId,
    ServerId, TokenKeyId, UserId,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{BadRecord, Id, moment, stored};
use crate::directory::{
    ApprovalEntry, ApprovalState, ClientEntry, ClientSecret, ClientState, ConsentEntry, ConsentState,
    GrantEntry, GrantState, Newest, TokenKeyEntry, TokenKeyState,
};

/// One of them, in the order in which they are stored.
#[derive(Serialize, Deserialize)]
pub(in crate::directory::snapshot) enum Granted<'a> {
    #[serde(borrow)]
    Client(Client<'a>),
    Approval(Approval),
    #[serde(borrow)]
    Consent(Consent<'a>),
    #[serde(borrow)]
    Grant(Grant<'a>),
    TokenKey(TokenKey),
}

#[derive(Serialize, Deserialize)]
pub(in crate::directory::snapshot) struct Client<'a> {
    id: Id,
    /// `None`: the installation.
    owner: Option<Id>,
    origin: StoredOrigin<'a>,
    /// As JSON.
    metadata: Cow<'a, str>,
    secrets: Vec<StoredSecret>,
    state: StoredClientState,
    generation: u64,
    newest: u64,
}

#[derive(Serialize, Deserialize)]
enum StoredOrigin<'a> {
    Document(Cow<'a, str>),
    Dynamic,
    Given,
}

#[derive(Serialize, Deserialize)]
struct StoredSecret {
    id: Id,
    digest: [u8; 32],
    expires_at: Option<i64>,
}

#[derive(Serialize, Deserialize)]
pub(in crate::directory::snapshot) struct Approval {
    id: Id,
    organization: Id,
    client: Id,
    state: StoredApprovalState,
    generation: u64,
    newest: u64,
}

#[derive(Serialize, Deserialize)]
enum StoredHolder {
    Person(Id),
    Key(Id),
}

#[derive(Serialize, Deserialize)]
pub(in crate::directory::snapshot) struct Consent<'a> {
    id: Id,
    organization: Id,
    holder: StoredHolder,
    client: Id,
    server: Id,
    pub(in crate::directory::snapshot) scopes: Cow<'a, str>,
    state: StoredConsentState,
    since: u64,
    generation: u64,
    newest: u64,
}

/// The consent and the approval that it comes of are worked out anew.
#[derive(Serialize, Deserialize)]
pub(in crate::directory::snapshot) struct Grant<'a> {
    id: Id,
    organization: Id,
    holder: StoredHolder,
    client: Id,
    server: Id,
    pub(in crate::directory::snapshot) scopes: Cow<'a, str>,
    expires_at: i64,
    state: StoredGrantState,
    given: u64,
    generation: u64,
    newest: u64,
}

#[derive(Serialize, Deserialize)]
pub(in crate::directory::snapshot) struct TokenKey {
    id: Id,
    algorithm: StoredTokenAlgorithm,
    x: [u8; 32],
    y: [u8; 32],
    used_from: i64,
    state: StoredTokenKeyState,
    published: u64,
    generation: u64,
}

stored! {
    StoredClientState of ClientState { Active, Disabled, Removed, Closed }
    StoredApprovalState of ApprovalState { Given, Withdrawn, Closed }
    StoredConsentState of ConsentState { Given, Withdrawn, Closed }
    StoredGrantState of GrantState { Active, Ended, Closed }
    StoredTokenKeyState of TokenKeyState { Published, Retired }
    StoredTokenAlgorithm of TokenAlgorithm { Es256 }
}

impl From<Holder> for StoredHolder {
    fn from(holder: Holder) -> Self {
        match holder {
            Holder::Person { id } => Self::Person(id.uuid().into_bytes()),
            Holder::Key { id } => Self::Key(id.uuid().into_bytes()),
        }
    }
}

impl From<StoredHolder> for Holder {
    fn from(stored: StoredHolder) -> Self {
        match stored {
            StoredHolder::Person(id) => Self::Person { id: UserId::new(Uuid::from_bytes(id)) },
            StoredHolder::Key(id) => Self::Key { id: KeyId::new(Uuid::from_bytes(id)) },
        }
    }
}

impl<'a> Granted<'a> {
    pub(in crate::directory::snapshot) fn client(entry: &'a ClientEntry) -> Self {
        let ClientEntry { id, owner, origin, metadata, secrets, state, generation, newest } = entry;
        Self::Client(Client {
            id: id.uuid().into_bytes(),
            owner: owner.organization().map(|id| id.uuid().into_bytes()),
            origin: match origin {
                Origin::Document { url } => StoredOrigin::Document(url.as_str().into()),
                Origin::Dynamic => StoredOrigin::Dynamic,
                Origin::Given => StoredOrigin::Given,
            },
            // Texts, lists and options alone can't fail; of an empty text nothing could be read.
            metadata: serde_json::to_string(&**metadata).unwrap_or_default().into(),
            secrets: secrets.iter().map(StoredSecret::of).collect(),
            state: (*state).into(),
            generation: *generation,
            newest: newest.0,
        })
    }

    pub(in crate::directory::snapshot) fn approval(entry: &ApprovalEntry) -> Self {
        let ApprovalEntry { id, organization, client, state, generation, newest } = entry;
        Self::Approval(Approval {
            id: id.uuid().into_bytes(),
            organization: organization.uuid().into_bytes(),
            client: client.uuid().into_bytes(),
            state: (*state).into(),
            generation: *generation,
            newest: newest.0,
        })
    }

    pub(in crate::directory::snapshot) fn consent(entry: &'a ConsentEntry) -> Self {
        let ConsentEntry {
            id,
            organization,
            holder,
            client,
            server,
            scopes,
            state,
            since,
            generation,
            newest,
        } = entry;
        Self::Consent(Consent {
            id: id.uuid().into_bytes(),
            organization: organization.uuid().into_bytes(),
            holder: (*holder).into(),
            client: client.uuid().into_bytes(),
            server: server.uuid().into_bytes(),
            scopes: scopes.to_string().into(),
            state: (*state).into(),
            since: *since,
            generation: *generation,
            newest: newest.0,
        })
    }

    pub(in crate::directory::snapshot) fn grant(entry: &'a GrantEntry) -> Self {
        let GrantEntry {
            id,
            organization,
            holder,
            client,
            server,
            scopes,
            expires_at,
            state,
            given,
            consent: _,
            approval: _,
            generation,
            newest,
        } = entry;
        Self::Grant(Grant {
            id: id.uuid().into_bytes(),
            organization: organization.uuid().into_bytes(),
            holder: (*holder).into(),
            client: client.uuid().into_bytes(),
            server: server.uuid().into_bytes(),
            scopes: scopes.to_string().into(),
            expires_at: expires_at.unix_millis(),
            state: (*state).into(),
            given: *given,
            generation: *generation,
            newest: newest.0,
        })
    }

    pub(in crate::directory::snapshot) fn token_key(entry: &TokenKeyEntry) -> Self {
        let TokenKeyEntry { id, algorithm, x, y, used_from, state, published, generation } = *entry;
        Self::TokenKey(TokenKey {
            id: id.uuid().into_bytes(),
            algorithm: algorithm.into(),
            x: x.0,
            y: y.0,
            used_from: used_from.unix_millis(),
            state: state.into(),
            published,
            generation,
        })
    }
}

impl StoredSecret {
    fn of(secret: &ClientSecret) -> Self {
        let ClientSecret { id, digest, expires_at } = *secret;
        let expires_at = expires_at.map(events::Timestamp::unix_millis);
        Self { id: id.uuid().into_bytes(), digest: digest.0, expires_at }
    }

    fn secret(self) -> Result<ClientSecret, BadRecord> {
        Ok(ClientSecret {
            id: SecretId::new(Uuid::from_bytes(self.id)),
            digest: DigestBytes(self.digest),
            expires_at: moment(self.expires_at)?,
        })
    }
}

impl Client<'_> {
    pub(in crate::directory::snapshot) fn entry(self) -> Result<ClientEntry, BadRecord> {
        let secrets: Result<Arc<[_]>, _> = self.secrets.into_iter().map(StoredSecret::secret).collect();
        Ok(ClientEntry {
            id: ClientId::new(Uuid::from_bytes(self.id)),
            owner: self.owner.map_or(Owner::Installation, |id| Owner::Organization(organization(id))),
            origin: match self.origin {
                StoredOrigin::Document(url) => {
                    Origin::Document { url: url.parse().map_err(|_| BadRecord("document's URL"))? }
                }
                StoredOrigin::Dynamic => Origin::Dynamic,
                StoredOrigin::Given => Origin::Given,
            },
            metadata: Arc::new(
                serde_json::from_str(&self.metadata).map_err(|_| BadRecord("client's metadata"))?,
            ),
            secrets: secrets?,
            state: self.state.into(),
            generation: self.generation,
            newest: Newest(self.newest),
        })
    }
}

impl Approval {
    pub(in crate::directory::snapshot) fn entry(self) -> ApprovalEntry {
        ApprovalEntry {
            id: ApprovalId::new(Uuid::from_bytes(self.id)),
            organization: organization(self.organization),
            client: ClientId::new(Uuid::from_bytes(self.client)),
            state: self.state.into(),
            generation: self.generation,
            newest: Newest(self.newest),
        }
    }
}

impl Consent<'_> {
    /// With its scopes as they are shared.
    pub(in crate::directory::snapshot) fn entry(self, scopes: Arc<ScopeSet>) -> ConsentEntry {
        ConsentEntry {
            id: ConsentId::new(Uuid::from_bytes(self.id)),
            organization: organization(self.organization),
            holder: self.holder.into(),
            client: ClientId::new(Uuid::from_bytes(self.client)),
            server: ServerId::new(Uuid::from_bytes(self.server)),
            scopes,
            state: self.state.into(),
            since: self.since,
            generation: self.generation,
            newest: Newest(self.newest),
        }
    }
}

impl Grant<'_> {
    /// With its scopes as they are shared.
    pub(in crate::directory::snapshot) fn entry(
        self,
        scopes: Arc<ScopeSet>,
    ) -> Result<GrantEntry, BadRecord> {
        let (organization, holder) = (organization(self.organization), self.holder.into());
        let client = ClientId::new(Uuid::from_bytes(self.client));
        let server = ServerId::new(Uuid::from_bytes(self.server));
        Ok(GrantEntry {
            id: GrantId::new(Uuid::from_bytes(self.id)),
            organization,
            holder,
            client,
            server,
            scopes,
            expires_at: moment(Some(self.expires_at))?.ok_or(BadRecord("time"))?,
            state: self.state.into(),
            given: self.given,
            consent: ConsentId::of(organization, holder, client, server),
            approval: ApprovalId::of(organization, client),
            generation: self.generation,
            newest: Newest(self.newest),
        })
    }
}

impl TokenKey {
    pub(in crate::directory::snapshot) fn entry(self) -> Result<TokenKeyEntry, BadRecord> {
        Ok(TokenKeyEntry {
            id: TokenKeyId::new(Uuid::from_bytes(self.id)),
            algorithm: self.algorithm.into(),
            x: Coordinate(self.x),
            y: Coordinate(self.y),
            used_from: moment(Some(self.used_from))?.ok_or(BadRecord("time"))?,
            state: self.state.into(),
            published: self.published,
            generation: self.generation,
        })
    }
}

fn organization(id: Id) -> OrganizationId {
    OrganizationId::new(Uuid::from_bytes(id))
}
