//! What every process holds of an issuer: where people sign in, and whether its word still counts.

use std::sync::Arc;

use events::issuer::{Changed, CredentialKind, CredentialSet, IssuerEvent, IssuerSettings, Registered};
use events::slug::SlugKind;
use events::{IssuerId, OrganizationId, Owner, SecretId, Slug, Subject};

use super::fold::Closed;
use super::newest::{Cause, Newest};
use super::{Directory, OrganizationState, Part};

/// One issuer as of one event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IssuerEntry {
    pub id: IssuerId,
    pub owner: Owner,
    pub slug: Slug,
    pub settings: Arc<IssuerSettings>,
    pub state: IssuerState,
    pub credential: Option<(SecretId, CredentialKind)>,
    /// The sequence of its first event.
    pub registered: u64,
    /// The sequence of the event that made this entry.
    pub generation: u64,
    /// The newest event, which may have changed nothing here.
    pub newest: Newest,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum IssuerState {
    Enabled,
    Disabled,
    /// For ever.
    Removed,
    /// An event of it can't be read here.
    Closed,
}

impl IssuerEntry {
    pub(super) fn registered(id: IssuerId, owner: Owner, registered: &Registered, cause: Cause) -> Self {
        let Registered { slug, name: _, settings, enabled } = registered;
        Self {
            id,
            owner,
            slug: slug.clone(),
            settings: Arc::new(settings.clone()),
            state: state_of(*enabled),
            credential: None,
            registered: cause.sequence,
            generation: cause.sequence,
            newest: cause.newest,
        }
    }

    /// The entry after an event; `None` when nothing of it changes.
    fn after(&self, event: &IssuerEvent, cause: Cause) -> Option<Self> {
        if matches!(self.state, IssuerState::Removed | IssuerState::Closed) {
            return None;
        }
        let entry = Self { generation: cause.sequence, newest: cause.newest, ..self.clone() };
        match event {
            IssuerEvent::Changed(Changed { settings, enabled }) => {
                Some(Self { settings: Arc::new(settings.clone()), state: state_of(*enabled), ..entry })
            }
            IssuerEvent::CredentialSet(CredentialSet { credential, kind }) => {
                Some(Self { credential: Some((*credential, *kind)), ..entry })
            }
            IssuerEvent::CredentialRemoved(_) => Some(Self { credential: None, ..entry }),
            IssuerEvent::Removed(_) => Some(Self { state: IssuerState::Removed, credential: None, ..entry }),
            IssuerEvent::Registered(_) | IssuerEvent::Renamed(_) => None,
        }
    }
}

fn state_of(enabled: bool) -> IssuerState {
    if enabled { IssuerState::Enabled } else { IssuerState::Disabled }
}

impl Directory {
    pub fn issuer(&self, id: IssuerId) -> Option<Arc<IssuerEntry>> {
        self.issuers.pin().get(&id).cloned()
    }

    /// Every issuer, removed ones included.
    pub fn issuers(&self) -> Vec<Arc<IssuerEntry>> {
        self.issuers.pin().values().cloned().collect()
    }

    /// An owner's issuers, removed ones included, in the order in which they were registered.
    pub fn issuers_of(&self, owner: Owner) -> Vec<Arc<IssuerEntry>> {
        let ids = self.issuers_by_owner.pin().get(&owner).cloned();
        ids.iter().flat_map(|ids| ids.iter()).filter_map(|id| self.issuer(*id)).collect()
    }

    /// Where the people of an organization may sign in: its own issuers, and the installation's. What an organization's
    /// own issuer says counts within that organization alone.
    pub fn issuers_for(&self, organization: OrganizationId) -> Vec<Arc<IssuerEntry>> {
        let own = self.issuers_of(Owner::Organization(organization)).into_iter();
        own.chain(self.issuers_of(Owner::Installation)).filter(|entry| self.stands(entry)).collect()
    }

    /// Whether people may sign in for an organization.
    pub fn has_issuer_for(&self, organization: OrganizationId) -> bool {
        let by_owner = self.issuers_by_owner.pin();
        [Owner::Organization(organization), Owner::Installation].into_iter().any(|owner| {
            let ids = by_owner.get(&owner);
            ids.is_some_and(|ids| ids.iter().any(|id| self.issuer_stands(*id)))
        })
    }

    /// Whether people may sign in anywhere: without this, nothing speaks of OAuth.
    pub fn has_issuers(&self) -> bool {
        self.issuers.pin().values().any(|entry| self.stands(entry))
    }

    /// Whether an issuer's word counts now: it is enabled, and so is its owner.
    pub fn issuer_stands(&self, id: IssuerId) -> bool {
        self.issuers.pin().get(&id).is_some_and(|entry| self.stands(entry))
    }

    /// Whether an issuer's word counts in this organization now: what an organization's own issuer says counts there alone.
    pub fn issuer_stands_in(&self, id: IssuerId, organization: OrganizationId) -> bool {
        self.issuers.pin().get(&id).is_some_and(|entry| {
            let reaches = match entry.owner {
                Owner::Installation => true,
                Owner::Organization(own) => own == organization,
            };
            reaches && self.stands(entry)
        })
    }

    fn stands(&self, entry: &IssuerEntry) -> bool {
        let owner_stands = match entry.owner {
            Owner::Installation => true,
            Owner::Organization(id) => {
                self.organization(id).is_some_and(|owner| owner.state == OrganizationState::Active)
            }
        };
        entry.state == IssuerState::Enabled && owner_stands
    }

    pub(super) fn fold_issuer(&self, id: IssuerId, owner: Owner, event: &IssuerEvent, cause: Cause) {
        let issuers = self.issuers.pin();
        match (event, issuers.get(&id)) {
            (IssuerEvent::Registered(registered), None) => {
                let entry = IssuerEntry::registered(id, owner, registered, cause);
                let slug = Subject::slug(owner, SlugKind::Issuer, &entry.slug);
                self.add_issuer(entry);
                if self.is_closed(&slug) {
                    self.close(&Subject::issuer(owner, id), Closed::by(cause.sequence));
                }
            }
            (event, Some(entry)) if entry.owner == owner => match entry.after(event, cause) {
                Some(next) => self.put_issuer(next),
                None => {
                    issuers.insert(id, Arc::new(IssuerEntry { newest: cause.newest, ..(**entry).clone() }));
                }
            },
            (
                IssuerEvent::Registered(_)
                | IssuerEvent::Changed(_)
                | IssuerEvent::Renamed(_)
                | IssuerEvent::CredentialSet(_)
                | IssuerEvent::CredentialRemoved(_)
                | IssuerEvent::Removed(_),
                _,
            ) => {}
        }
    }

    /// A new one, which its owner has from now on.
    pub(super) fn add_issuer(&self, entry: IssuerEntry) {
        let by_owner = self.issuers_by_owner.pin();
        let before = by_owner.get(&entry.owner).cloned().unwrap_or_default();
        let ids = before.iter().copied().chain([entry.id]).collect();
        by_owner.insert(entry.owner, ids);
        self.put_issuer(entry);
    }

    fn put_issuer(&self, entry: IssuerEntry) {
        let part = Part::Issuer(entry.id);
        self.issuers.pin().insert(entry.id, Arc::new(entry));
        self.watches.note(part);
    }

    pub(super) fn close_issuer(&self, owner: Owner, id: IssuerId, sequence: u64) {
        let Some(entry) = self.issuer(id).filter(|entry| entry.owner == owner) else { return };
        let state = IssuerState::Closed;
        self.put_issuer(IssuerEntry { state, generation: sequence, ..(*entry).clone() });
    }

    /// The issuers of this owner that a slug names: one, in a log that only this program wrote.
    pub(super) fn close_issuers_named(&self, owner: Owner, slug: &str, sequence: u64) {
        for entry in self.issuers_of(owner).iter().filter(|entry| entry.slug.as_str() == slug) {
            self.close_issuer(owner, entry.id, sequence);
        }
    }
}
