//! What each event changes in the directory, and what an event that can't be read closes.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use events::key::KeyEvent;
use events::organization::OrganizationEvent;
use events::server::ServerEvent;
use events::slug::SlugKind;
use events::{
    AggregateType, Event, InvitationId, IssuerId, KeyId, MemberId, OrganizationId, Owner, Recorded, ServerId,
    Subject, UnreadableCause, UserId,
};

use super::newest::Cause;
use super::{
    Directory, Holding, KeyEntry, KeyState, OrganizationEntry, OrganizationState, Part, ServerEntry,
    ServerState, Writer,
};
use crate::refused;

impl Directory {
    pub(super) fn fold(&self, writer: &mut Writer, recorded: &Recorded) {
        let (subject, cause) = (&recorded.envelope.subject, Cause::from(recorded));
        let sequence = cause.sequence;
        match (&recorded.event, subject.owner) {
            (Event::Key(event), owner) => match KeyId::try_from(&subject.aggregate_id) {
                Ok(id) => self.fold_key(writer, id, owner, event, cause),
                Err(_) => self.close(subject, Closed::by(sequence)),
            },
            (Event::Organization(event), Owner::Installation) => {
                match OrganizationId::try_from(&subject.aggregate_id) {
                    Ok(id) => self.fold_organization(subject, id, event, cause),
                    Err(_) => self.close(subject, Closed::by(sequence)),
                }
            }
            (Event::Server(event), Owner::Organization(organization)) => {
                match ServerId::try_from(&subject.aggregate_id) {
                    Ok(id) => self.fold_server(writer, id, organization, event, cause),
                    Err(_) => self.close(subject, Closed::by(sequence)),
                }
            }
            (Event::Client(_) | Event::Approval(_) | Event::Consent(_) | Event::Grant(_), _) => {
                if self.fold_granted(writer, recorded, cause).is_none() {
                    self.close(subject, Closed::by(sequence));
                }
            }
            (Event::Installation(event), _) => self.fold_token_key(event, cause),
            (Event::Issuer(event), owner) => match IssuerId::try_from(&subject.aggregate_id) {
                Ok(id) => self.fold_issuer(id, owner, event, cause),
                Err(_) => self.close(subject, Closed::by(sequence)),
            },
            // The names themselves come with `created` and `registered`.
            (Event::Slug(_), _) => {}
            // No node needs them: workers send by the read models.
            (Event::Webhook(_), _) => {}
            (Event::Person(event), _) => self.fold_person(recorded, event, cause),
            (Event::Member(event), _) => self.fold_member(writer, recorded, event, cause),
            (Event::Invitation(event), _) => self.fold_invitation(writer, recorded, event, cause),
            (Event::Organization(_), Owner::Organization(_)) | (Event::Server(_), Owner::Installation) => {
                self.close(subject, Closed::by(sequence));
            }
        }
    }

    fn fold_key(&self, writer: &mut Writer, id: KeyId, owner: Owner, event: &KeyEvent, cause: Cause) {
        match event {
            KeyEvent::Issued(issued) => {
                // The first to have an id or a digest keeps it: a copy can't take a key over, nor revive it.
                if self.keys.knows(id, &issued.digest.bytes) {
                    tracing::error!(%id, sequence = cause.sequence, "a key was issued twice: the second is ignored");
                    return;
                }
                let scopes = writer.interned.scopes(&issued.scopes);
                let prefix = writer.interned.prefix(&issued.prefix);
                let entry = KeyEntry::issued(id, owner, issued, scopes, prefix, cause);
                writer.holdings.change(owner, Holding::default(), Holding::of_key(&entry));
                self.put_key(entry);
            }
            KeyEvent::Revoked(_)
            | KeyEvent::Disabled(_)
            | KeyEvent::Enabled(_)
            | KeyEvent::ExpiryChanged(_)
            | KeyEvent::Renamed(_)
            | KeyEvent::ScopesChanged(_)
            | KeyEvent::MetadataChanged(_) => {
                let Some(entry) = self.keys.of_id(id) else { return };
                if entry.owner != owner {
                    return;
                }
                match entry.after(event, cause, |scopes| writer.interned.scopes(scopes)) {
                    Some(next) => {
                        writer.holdings.change(owner, Holding::of_key(&entry), Holding::of_key(&next));
                        self.put_key(next);
                    }
                    None => self.keep_key(KeyEntry { newest: cause.newest, ..KeyEntry::clone(&entry) }),
                }
            }
        }
    }

    fn fold_organization(
        &self,
        subject: &Subject,
        id: OrganizationId,
        event: &OrganizationEvent,
        cause: Cause,
    ) {
        let organizations = self.organizations.pin();
        match (event, organizations.get(&id)) {
            (OrganizationEvent::Created(created), None) => {
                let entry = OrganizationEntry::created(id, created, cause);
                let slugs = self.organization_slugs.pin();
                if !slugs.contains_key(&entry.slug) {
                    slugs.insert(entry.slug.clone(), id);
                }
                let slug = Subject::slug(Owner::Installation, SlugKind::Organization, &entry.slug);
                self.put_organization(entry);
                if self.is_closed(&slug) {
                    self.close(subject, Closed::by(cause.sequence));
                }
            }
            (event, Some(entry)) => match entry.after(event, cause) {
                Some(next) => self.put_organization(next),
                None => {
                    let entry = OrganizationEntry { newest: cause.newest, ..(**entry).clone() };
                    organizations.insert(id, Arc::new(entry));
                }
            },
            (
                OrganizationEvent::Renamed(_)
                | OrganizationEvent::Suspended(_)
                | OrganizationEvent::Resumed(_)
                | OrganizationEvent::Forgotten(_)
                | OrganizationEvent::ClientApprovalRequired(_)
                | OrganizationEvent::ClientApprovalWaived(_),
                None,
            ) => {}
        }
    }

    fn fold_server(
        &self,
        writer: &mut Writer,
        id: ServerId,
        organization: OrganizationId,
        event: &ServerEvent,
        cause: Cause,
    ) {
        let servers = self.servers.pin();
        match (event, servers.get(&id)) {
            (ServerEvent::Registered(registered), None) => {
                let entry = ServerEntry::registered(id, organization, registered, cause);
                let owner = Owner::Organization(organization);
                writer.holdings.change(owner, Holding::default(), Holding::of_server(&entry));
                let slugs = self.server_slugs.pin();
                let address = entry.address();
                if !slugs.contains_key(&address) {
                    slugs.insert(address, id);
                }
                let slug = Subject::slug(Owner::Organization(organization), SlugKind::Server, &entry.slug);
                self.put_server(entry);
                if self.is_closed(&slug) {
                    self.close(&Subject::server(organization, id), Closed::by(cause.sequence));
                }
            }
            (event, Some(entry)) if entry.organization == organization => match entry.after(event, cause) {
                Some(next) => self.put_server(next),
                None => {
                    let entry = ServerEntry { newest: cause.newest, ..(**entry).clone() };
                    servers.insert(id, Arc::new(entry));
                }
            },
            (ServerEvent::Registered(_) | ServerEvent::Changed(_) | ServerEvent::Removed(_), _) => {}
        }
    }

    /// The key is so from now on, and who watches it will be told; the same for the two below.
    fn put_key(&self, entry: KeyEntry) {
        let part = Part::Key(entry.id);
        self.keep_key(entry);
        self.watches.note(part);
    }

    /// The same where nobody need be told.
    fn keep_key(&self, entry: KeyEntry) {
        self.keys.put(Arc::new(entry));
    }

    fn put_organization(&self, entry: OrganizationEntry) {
        let part = Part::Organization(entry.id);
        self.organizations.pin().insert(entry.id, Arc::new(entry));
        self.watches.note(part);
    }

    fn put_server(&self, entry: ServerEntry) {
        let part = Part::Server(entry.id);
        self.servers.pin().insert(entry.id, Arc::new(entry));
        self.watches.note(part);
    }

    /// Closes what an event is about that can't be read, or that nobody may obey.
    pub(super) fn refuse(&self, subject: &Subject, sequence: u64, cause: UnreadableCause) {
        metrics::counter!("keyledger_unreadable_events_total").increment(1);
        refused::count(cause);
        self.close(subject, Closed { at: sequence, cause: Some(cause) });
        if self.installation_closed_at() == Some(sequence) {
            *self.installation_cause.lock().unwrap_or_else(PoisonError::into_inner) = Some((sequence, cause));
        }
        self.tell_closed();
    }

    /// How many objects are closed: an event that closed one may be one that this process never read, for it began with a
    /// snapshot.
    pub(super) fn tell_closed(&self) {
        metrics::gauge!("keyledger_directory_closed_objects").set(self.closed.len() as f64);
    }

    pub(super) fn close(&self, subject: &Subject, closed: Closed) {
        let sequence = closed.at;
        self.remember_closed(subject, closed);
        match (&subject.aggregate_type, subject.owner) {
            (AggregateType::Installation, _) | (AggregateType::Unknown(_), Owner::Installation) => {
                self.installation_closed.store(sequence, Ordering::Release);
                self.watches.note_all();
            }
            (AggregateType::Unknown(_) | AggregateType::Organization, Owner::Organization(id)) => {
                self.close_organization(id, closed);
            }
            (AggregateType::Organization, Owner::Installation) => {
                if let Ok(id) = OrganizationId::try_from(&subject.aggregate_id) {
                    self.close_organization(id, closed);
                }
            }
            (AggregateType::Server, owner) => {
                if let Ok(id) = ServerId::try_from(&subject.aggregate_id) {
                    self.close_server(owner, id, sequence);
                }
            }
            (AggregateType::Key, owner) => {
                let Ok(id) = KeyId::try_from(&subject.aggregate_id) else { return };
                let Some(entry) = self.key(id).filter(|entry| entry.owner == owner) else { return };
                self.put_key(KeyEntry { state: KeyState::Closed, generation: sequence, ..(*entry).clone() });
            }
            (
                AggregateType::Client
                | AggregateType::Approval
                | AggregateType::Consent
                | AggregateType::Grant,
                _,
            ) => {
                // One that is not known yet is closed all the same.
                let _ = self.close_granted(subject, sequence);
            }
            (AggregateType::Issuer, owner) => {
                if let Ok(id) = IssuerId::try_from(&subject.aggregate_id) {
                    self.close_issuer(owner, id, sequence);
                }
            }
            // No node holds any of it.
            (AggregateType::Webhook, _) => {}
            (AggregateType::Person, _) => {
                if let Ok(id) = UserId::try_from(&subject.aggregate_id) {
                    self.close_person(id, closed);
                }
            }
            (AggregateType::Member, Owner::Organization(organization)) => {
                if let Ok(id) = MemberId::try_from(&subject.aggregate_id) {
                    self.close_member(organization, id, closed);
                }
            }
            (AggregateType::Invitation, Owner::Organization(organization)) => {
                if let Ok(id) = InvitationId::try_from(&subject.aggregate_id) {
                    self.close_invitation(organization, id, closed);
                }
            }
            // There can be none.
            (AggregateType::Member | AggregateType::Invitation, Owner::Installation) => {}
            (AggregateType::Slug, owner) => self.close_named(owner, subject.aggregate_id.as_str(), closed),
        }
    }

    fn close_organization(&self, id: OrganizationId, closed: Closed) {
        let organizations = self.organizations.pin();
        if let Some(entry) = organizations.get(&id) {
            let state = OrganizationState::Closed;
            self.put_organization(OrganizationEntry { state, generation: closed.at, ..(**entry).clone() });
        }
        self.remember_closed(&Subject::organization(id), closed);
    }

    fn close_server(&self, owner: Owner, id: ServerId, sequence: u64) {
        let servers = self.servers.pin();
        if let Some(entry) = servers.get(&id).filter(|entry| Owner::Organization(entry.organization) == owner)
        {
            self.put_server(ServerEntry {
                state: ServerState::Closed,
                generation: sequence,
                ..(**entry).clone()
            });
        }
    }

    /// Closes what a reservation (`<kind>-<slug>`) names.
    fn close_named(&self, owner: Owner, reservation: &str, closed: Closed) {
        let named = |kind: SlugKind| reservation.strip_prefix(kind.as_str())?.strip_prefix('-');
        if let Some(slug) = named(SlugKind::Issuer) {
            self.close_issuers_named(owner, slug, closed.at);
        }
        match owner {
            Owner::Installation => {
                let slug = named(SlugKind::Organization);
                if let Some(entry) = slug.and_then(|slug| self.organization_by_slug(slug)) {
                    self.close_organization(entry.id, closed);
                }
                let identity = named(SlugKind::Identity).and_then(|digest| digest.parse().ok());
                if let Some(entry) = identity.and_then(|digest| self.person_by_identity(&digest)) {
                    self.close_person(entry.id, closed);
                }
            }
            Owner::Organization(organization) => {
                if let Some(id) = named(SlugKind::Invitation).and_then(|id| id.parse().ok()) {
                    self.close_invitation(organization, id, closed);
                }
                let slug = named(SlugKind::Server);
                if let Some(entry) = slug.and_then(|slug| self.server(organization, slug)) {
                    self.close_server(owner, entry.id, closed.at);
                }
            }
        }
    }

    pub(super) fn is_closed(&self, subject: &Subject) -> bool {
        !self.closed.is_empty() && self.closed.pin().contains_key(subject)
    }

    fn remember_closed(&self, subject: &Subject, closed: Closed) {
        let all = self.closed.pin();
        let next = all.get(subject).map_or(closed, |known| known.met(closed));
        if all.get(subject) != Some(&next) {
            all.insert(subject.clone(), next);
        }
    }
}

/// That an object is closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Closed {
    /// By the event of this sequence, the first that did.
    pub at: u64,
    /// Why; `None`: the event names what there can't be, or something else closed it.
    pub cause: Option<UnreadableCause>,
}

impl Closed {
    pub fn by(at: u64) -> Self {
        Self { at, cause: None }
    }

    /// With another event that would have closed it: that somebody else writes is the worse news.
    fn met(self, other: Self) -> Self {
        match other.cause {
            Some(cause) if refused::is_of_no_writer(cause) && !self.is_of_no_writer() => {
                Self { cause: other.cause, ..self }
            }
            Some(_) | None => self,
        }
    }

    pub(super) fn is_of_no_writer(self) -> bool {
        self.cause.is_some_and(refused::is_of_no_writer)
    }
}
