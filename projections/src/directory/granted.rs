//! What a node holds of clients and of what they were granted, and of the keys that sign the tokens of it.
//!
//! A grant is small and leaves when its time is over, whether it ended before or not: until then it stays, so that a
//! copy of its first event can't bring it back. The log's own time says when ([`Directory::stored_at`]), so that the same
//! log gives the same state. Consents, approvals and clients stay, withdrawn and removed ones small: each organization
//! may have so many, which is for whoever writes to see to ([`Holding`](super::Holding)).

mod approval;
mod client;
mod consent;
mod expiring;
mod fold;
mod grant;
mod token_key;

use std::sync::Arc;

use events::client::Uri;
use events::{
    AggregateType, ApprovalId, ClientId, ConsentId, GrantId, Holder, OrganizationId, Owner, ServerId,
    Subject, Timestamp, TokenKeyId,
};

pub use self::approval::{ApprovalEntry, ApprovalState};
pub use self::client::{ClientEntry, ClientSecret, ClientState};
pub use self::consent::{ConsentEntry, ConsentState};
pub(super) use self::expiring::Expiring;
pub use self::grant::{GrantEntry, GrantState};
pub use self::token_key::{TokenKeyEntry, TokenKeyState};
use super::hash::ById;
use super::holding::Holdings;
use super::{Directory, Holding, Newest};

#[derive(Default)]
pub(super) struct Granted {
    clients: ById<ClientId, Arc<ClientEntry>>,
    approvals: ById<ApprovalId, Arc<ApprovalEntry>>,
    consents: ById<ConsentId, Arc<ConsentEntry>>,
    grants: ById<GrantId, Arc<GrantEntry>>,
    token_keys: ById<TokenKeyId, Arc<TokenKeyEntry>>,
}

/// All of it, each in the order of its ids.
#[derive(Default)]
pub(super) struct Entries {
    pub clients: Vec<Arc<ClientEntry>>,
    pub approvals: Vec<Arc<ApprovalEntry>>,
    pub consents: Vec<Arc<ConsentEntry>>,
    pub grants: Vec<Arc<GrantEntry>>,
    pub token_keys: Vec<Arc<TokenKeyEntry>>,
}

/// How much there is of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct GrantedCounts {
    pub clients: usize,
    pub approvals: usize,
    pub consents: usize,
    pub grants: usize,
    pub token_keys: usize,
}

impl Granted {
    pub fn counts(&self) -> GrantedCounts {
        GrantedCounts {
            clients: self.clients.len(),
            approvals: self.approvals.len(),
            consents: self.consents.len(),
            grants: self.grants.len(),
            token_keys: self.token_keys.len(),
        }
    }

    pub fn entries(&self) -> Entries {
        // Named one by one, so that nothing that is added is left out of snapshots in silence.
        let Self { clients, approvals, consents, grants, token_keys } = self;
        Entries {
            clients: sorted(clients, |entry| entry.id),
            approvals: sorted(approvals, |entry| entry.id),
            consents: sorted(consents, |entry| entry.id),
            grants: sorted(grants, |entry| entry.id),
            token_keys: sorted(token_keys, |entry| entry.id),
        }
    }

    pub fn install(&self, entries: Entries) {
        let Entries { clients, approvals, consents, grants, token_keys } = entries;
        installed(&self.clients, clients, |entry| entry.id);
        installed(&self.approvals, approvals, |entry| entry.id);
        installed(&self.consents, consents, |entry| entry.id);
        installed(&self.grants, grants, |entry| entry.id);
        installed(&self.token_keys, token_keys, |entry| entry.id);
    }
}

fn sorted<Id, Entry>(of: &ById<Id, Arc<Entry>>, id: impl Fn(&Entry) -> Id) -> Vec<Arc<Entry>>
where
    Id: std::hash::Hash + Ord,
{
    let mut all: Vec<_> = of.pin().values().cloned().collect();
    all.sort_unstable_by_key(|entry| id(entry));
    all
}

fn installed<Id, Entry>(to: &ById<Id, Arc<Entry>>, entries: Vec<Arc<Entry>>, id: impl Fn(&Entry) -> Id)
where
    Id: std::hash::Hash + Eq,
{
    let to = to.pin();
    entries.into_iter().for_each(|entry| {
        to.insert(id(&entry), entry);
    });
}

impl Entries {
    pub fn counts(&self) -> GrantedCounts {
        GrantedCounts {
            clients: self.clients.len(),
            approvals: self.approvals.len(),
            consents: self.consents.len(),
            grants: self.grants.len(),
            token_keys: self.token_keys.len(),
        }
    }

    /// Counts what is whose.
    pub fn hold(&self, holdings: &mut Holdings) {
        let mut add = |owner, more| holdings.change(owner, Holding::default(), more);
        self.clients.iter().for_each(|entry| add(entry.owner, Holding::of_client()));
        let approvals = self.approvals.iter().map(|entry| entry.organization);
        approvals.for_each(|id| add(Owner::Organization(id), Holding::of_approval()));
        let consents = self.consents.iter().map(|entry| entry.organization);
        consents.for_each(|id| add(Owner::Organization(id), Holding::of_consent()));
        let grants = self.grants.iter().map(|entry| entry.organization);
        grants.for_each(|id| add(Owner::Organization(id), Holding::of_grant()));
    }

    /// When each grant leaves.
    pub fn expiring(&self) -> Expiring {
        self.grants.iter().map(|grant| (grant.expires_at, grant.id)).collect()
    }
}

impl Directory {
    pub fn client(&self, id: ClientId) -> Option<Arc<ClientEntry>> {
        self.granted.clients.pin().get(&id).cloned()
    }

    /// The client of the document at this URL, as it is written.
    pub fn client_by_document(&self, url: &Uri) -> Option<Arc<ClientEntry>> {
        self.client(ClientId::of_document(url)).filter(|entry| entry.is_of_document(url))
    }

    /// Whether an organization let its people use a client, and what became of it.
    pub fn approval(&self, organization: OrganizationId, client: ClientId) -> Option<Arc<ApprovalEntry>> {
        self.approval_by_id(ApprovalId::of(organization, client))
    }

    pub fn approval_by_id(&self, id: ApprovalId) -> Option<Arc<ApprovalEntry>> {
        self.granted.approvals.pin().get(&id).cloned()
    }

    /// What somebody consented to that a client may do on a server.
    pub fn consent(
        &self,
        organization: OrganizationId,
        holder: Holder,
        client: ClientId,
        server: ServerId,
    ) -> Option<Arc<ConsentEntry>> {
        self.consent_by_id(ConsentId::of(organization, holder, client, server))
    }

    pub fn consent_by_id(&self, id: ConsentId) -> Option<Arc<ConsentEntry>> {
        self.granted.consents.pin().get(&id).cloned()
    }

    /// `None`: there was none, or its time is over.
    pub fn grant(&self, id: GrantId) -> Option<Arc<GrantEntry>> {
        self.granted.grants.pin().get(&id).cloned()
    }

    /// The grants that are a holder's and have not left. It looks at all grants that there are.
    pub fn grants_of(&self, holder: Holder) -> Vec<Arc<GrantEntry>> {
        let grants = self.granted.grants.pin();
        grants.values().filter(|entry| entry.holder == holder).cloned().collect()
    }

    /// What a holder consented to, withdrawn ones included. It looks at all consents that there are.
    pub fn consents_of(&self, holder: Holder) -> Vec<Arc<ConsentEntry>> {
        let consents = self.granted.consents.pin();
        consents.values().filter(|entry| entry.holder == holder).cloned().collect()
    }

    /// Whether a grant of this client's has not left. It looks at all grants that there are.
    pub fn has_grant(&self, client: ClientId) -> bool {
        self.granted.grants.pin().values().any(|entry| entry.client == client)
    }

    /// Also one that is retired.
    pub fn token_key(&self, id: TokenKeyId) -> Option<Arc<TokenKeyEntry>> {
        self.granted.token_keys.pin().get(&id).cloned()
    }

    /// Every key that signs tokens or did, in the order of their publication.
    pub fn token_keys(&self) -> Vec<Arc<TokenKeyEntry>> {
        let mut all = self.granted.entries().token_keys;
        all.sort_by_key(|entry| entry.published);
        all
    }

    /// The key that signs tokens at this time: of those that may, the newest. `None`: none was published, or none
    /// is used yet.
    pub fn token_key_at(&self, now: Timestamp) -> Option<Arc<TokenKeyEntry>> {
        self.token_keys().into_iter().rev().find(|entry| entry.signs(now))
    }

    /// The newest event of one of these.
    pub(super) fn newest_granted(&self, subject: &Subject) -> Option<Newest> {
        let Subject { aggregate_type, aggregate_id, owner, shard: _ } = subject;
        let of = |organization: OrganizationId| *owner == Owner::Organization(organization);
        match aggregate_type {
            AggregateType::Client => {
                let entry = self.client(aggregate_id.try_into().ok()?)?;
                (entry.owner == *owner).then_some(entry.newest)
            }
            AggregateType::Approval => {
                let entry = self.approval_by_id(aggregate_id.try_into().ok()?)?;
                of(entry.organization).then_some(entry.newest)
            }
            AggregateType::Consent => {
                let entry = self.consent_by_id(aggregate_id.try_into().ok()?)?;
                of(entry.organization).then_some(entry.newest)
            }
            AggregateType::Grant => {
                let entry = self.grant(aggregate_id.try_into().ok()?)?;
                of(entry.organization).then_some(entry.newest)
            }
            AggregateType::Installation
            | AggregateType::Organization
            | AggregateType::Server
            | AggregateType::Key
            | AggregateType::Slug
            | AggregateType::Webhook
            | AggregateType::Issuer
            | AggregateType::Person
            | AggregateType::Member
            | AggregateType::Invitation
            | AggregateType::Unknown(_) => None,
        }
    }
}
