//! What the events of clients and of what they are granted change in the directory.

use std::sync::Arc;

use events::approval::ApprovalEvent;
use events::client::ClientEvent;
use events::consent::ConsentEvent;
use events::grant::GrantEvent;
use events::installation::InstallationEvent;
use events::{
    AggregateType, ApprovalId, ClientId, ConsentId, Event, GrantId, OrganizationId, Owner, Recorded, Subject,
};

use super::{
    ApprovalEntry, ApprovalState, ClientEntry, ClientState, ConsentEntry, ConsentState, GrantEntry,
    GrantState, TokenKeyEntry,
};
use crate::directory::newest::Cause;
use crate::directory::{Directory, Holding, Part, Writer};

impl Directory {
    /// `None`: the event names what there can't be.
    pub(in crate::directory) fn fold_granted(
        &self,
        writer: &mut Writer,
        recorded: &Recorded,
        cause: Cause,
    ) -> Option<()> {
        let Subject { owner, aggregate_id: id, .. } = &recorded.envelope.subject;
        match &recorded.event {
            Event::Client(event) => self.fold_client(writer, id.try_into().ok()?, *owner, event, cause),
            Event::Approval(event) => {
                self.fold_approval(writer, id.try_into().ok()?, owner.organization()?, event, cause);
            }
            Event::Consent(event) => {
                self.fold_consent(writer, id.try_into().ok()?, owner.organization()?, event, cause);
            }
            // Its time was over before anybody knew of it.
            Event::Grant(GrantEvent::Given(given)) if given.expires_at <= recorded.stored_at => {}
            Event::Grant(event) => {
                self.fold_grant(writer, id.try_into().ok()?, owner.organization()?, event, cause);
            }
            Event::Installation(_)
            | Event::Organization(_)
            | Event::Server(_)
            | Event::Key(_)
            | Event::Slug(_)
            | Event::Webhook(_)
            | Event::Issuer(_)
            | Event::Person(_)
            | Event::Member(_)
            | Event::Invitation(_) => {}
        }
        Some(())
    }

    fn fold_client(
        &self,
        writer: &mut Writer,
        id: ClientId,
        owner: Owner,
        event: &ClientEvent,
        cause: Cause,
    ) {
        match (event, self.client(id)) {
            (ClientEvent::Registered(registered), None) => {
                writer.holdings.change(owner, Holding::default(), Holding::of_client());
                self.put_client(ClientEntry::registered(id, owner, registered, cause));
            }
            (event, Some(entry)) if entry.owner == owner => match entry.after(event, cause) {
                Some(next) => self.put_client(next),
                None => {
                    let entry = ClientEntry { newest: cause.newest, ..(*entry).clone() };
                    self.granted.clients.pin().insert(id, Arc::new(entry));
                }
            },
            (_, _) => {}
        }
    }

    fn fold_approval(
        &self,
        writer: &mut Writer,
        id: ApprovalId,
        organization: OrganizationId,
        event: &ApprovalEvent,
        cause: Cause,
    ) {
        match (event, self.approval_by_id(id)) {
            (ApprovalEvent::Given(given), None) => {
                let owner = Owner::Organization(organization);
                writer.holdings.change(owner, Holding::default(), Holding::of_approval());
                self.put_approval(ApprovalEntry::given(id, organization, given, cause));
            }
            (event, Some(entry)) if entry.organization == organization => match entry.after(event, cause) {
                Some(next) => self.put_approval(next),
                None => {
                    let entry = ApprovalEntry { newest: cause.newest, ..(*entry).clone() };
                    self.granted.approvals.pin().insert(id, Arc::new(entry));
                }
            },
            (ApprovalEvent::Given(_) | ApprovalEvent::Withdrawn(_), _) => {}
        }
    }

    fn fold_consent(
        &self,
        writer: &mut Writer,
        id: ConsentId,
        organization: OrganizationId,
        event: &ConsentEvent,
        cause: Cause,
    ) {
        match (event, self.consent_by_id(id)) {
            (ConsentEvent::Given(given), None) => {
                let scopes = writer.interned.scopes(&given.scopes);
                let owner = Owner::Organization(organization);
                writer.holdings.change(owner, Holding::default(), Holding::of_consent());
                self.put_consent(ConsentEntry::given(id, organization, given, scopes, cause));
            }
            (event, Some(entry)) if entry.organization == organization => {
                match entry.after(event, cause, |scopes| writer.interned.scopes(scopes)) {
                    Some(next) => self.put_consent(next),
                    None => {
                        let entry = ConsentEntry { newest: cause.newest, ..(*entry).clone() };
                        self.granted.consents.pin().insert(id, Arc::new(entry));
                    }
                }
            }
            (ConsentEvent::Given(_) | ConsentEvent::Withdrawn(_), _) => {}
        }
    }

    fn fold_grant(
        &self,
        writer: &mut Writer,
        id: GrantId,
        organization: OrganizationId,
        event: &GrantEvent,
        cause: Cause,
    ) {
        match (event, self.grant(id)) {
            (GrantEvent::Given(given), None) => {
                let scopes = writer.interned.scopes(&given.scopes);
                let owner = Owner::Organization(organization);
                writer.holdings.change(owner, Holding::default(), Holding::of_grant());
                writer.expiring.add(given.expires_at, id);
                self.put_grant(GrantEntry::given(id, organization, given, scopes, cause));
            }
            (event, Some(entry)) if entry.organization == organization => {
                match entry.after(event, cause, |scopes| writer.interned.scopes(scopes)) {
                    Some(next) => self.put_grant(next),
                    None => {
                        let entry = GrantEntry { newest: cause.newest, ..(*entry).clone() };
                        self.granted.grants.pin().insert(id, Arc::new(entry));
                    }
                }
            }
            (GrantEvent::Given(_) | GrantEvent::Ended(_), _) => {}
        }
    }

    pub(in crate::directory) fn fold_token_key(&self, event: &InstallationEvent, cause: Cause) {
        match event {
            InstallationEvent::TokenKeyPublished(published) => {
                // The first to have an id keeps it: a copy does not bring a retired one back.
                if self.token_key(published.id).is_none() {
                    self.put_token_key(TokenKeyEntry::published(published, cause.sequence));
                }
            }
            InstallationEvent::TokenKeyRetired(retired) => {
                let entry = self.token_key(retired.id);
                if let Some(next) = entry.and_then(|entry| entry.retired(cause.sequence)) {
                    self.put_token_key(next);
                }
            }
            InstallationEvent::Bootstrapped(_)
            | InstallationEvent::Recovered(_)
            | InstallationEvent::SignerPublished(_)
            | InstallationEvent::SignerRetired(_)
            | InstallationEvent::LossAccepted(_) => {}
        }
    }

    /// The grants whose time is over leave.
    pub(in crate::directory) fn let_grants_go(&self, writer: &mut Writer) {
        let Some(now) = writer.stored_at else { return };
        while let Some(id) = writer.expiring.pop(now) {
            let Some(entry) = self.grant(id) else { continue };
            let owner = Owner::Organization(entry.organization);
            writer.holdings.change(owner, Holding::of_grant(), Holding::default());
            self.granted.grants.pin().remove(&id);
            self.watches.note(Part::Grant(id));
        }
    }

    /// Closes what an event is about that can't be read.
    pub(in crate::directory) fn close_granted(&self, subject: &Subject, sequence: u64) -> Option<()> {
        let Subject { aggregate_type, owner, aggregate_id: id, .. } = subject;
        let own = |organization: OrganizationId| *owner == Owner::Organization(organization);
        match aggregate_type {
            AggregateType::Client => {
                let entry = self.client(id.try_into().ok()?).filter(|entry| entry.owner == *owner)?;
                let state = ClientState::Closed;
                self.put_client(ClientEntry { state, generation: sequence, ..(*entry).clone() });
            }
            AggregateType::Approval => {
                let entry = self.approval_by_id(id.try_into().ok()?).filter(|it| own(it.organization))?;
                let state = ApprovalState::Closed;
                self.put_approval(ApprovalEntry { state, generation: sequence, ..(*entry).clone() });
            }
            AggregateType::Consent => {
                let entry = self.consent_by_id(id.try_into().ok()?).filter(|it| own(it.organization))?;
                let state = ConsentState::Closed;
                self.put_consent(ConsentEntry { state, generation: sequence, ..(*entry).clone() });
            }
            AggregateType::Grant => {
                let entry = self.grant(id.try_into().ok()?).filter(|it| own(it.organization))?;
                let state = GrantState::Closed;
                self.put_grant(GrantEntry { state, generation: sequence, ..(*entry).clone() });
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
            | AggregateType::Unknown(_) => {}
        }
        Some(())
    }

    fn put_client(&self, entry: ClientEntry) {
        let id = entry.id;
        self.granted.clients.pin().insert(id, Arc::new(entry));
        self.watches.note(Part::Client(id));
    }

    fn put_approval(&self, entry: ApprovalEntry) {
        let id = entry.id;
        self.granted.approvals.pin().insert(id, Arc::new(entry));
        self.watches.note(Part::Approval(id));
    }

    fn put_consent(&self, entry: ConsentEntry) {
        let id = entry.id;
        self.granted.consents.pin().insert(id, Arc::new(entry));
        self.watches.note(Part::Consent(id));
    }

    fn put_grant(&self, entry: GrantEntry) {
        let id = entry.id;
        self.granted.grants.pin().insert(id, Arc::new(entry));
        self.watches.note(Part::Grant(id));
    }

    fn put_token_key(&self, entry: TokenKeyEntry) {
        let id = entry.id;
        self.granted.token_keys.pin().insert(id, Arc::new(entry));
        self.watches.note(Part::TokenKey(id));
    }
}
