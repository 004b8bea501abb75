//! Whether a grant works: all that it comes of must stand as well, and it may do no more than all of it. Nothing else is
//! written when one of them ends: what belongs to what is worked out here, of the directory, on each use (decision 0031).

use std::sync::Arc;

use events::key::KeyOwner;
use events::{Holder, MemberId, OrganizationId, Owner, ScopeSet, Timestamp, UserId};
use projections::directory::{
    ApprovalEntry, ApprovalState, ClientEntry, ClientState, ConsentEntry, ConsentState, Directory,
    GrantEntry, GrantState, KeyEntry, KeyState, OrganizationEntry, OrganizationState, Part, ServerEntry,
    ServerState,
};

use super::holder::Holder as PersonHolder;
use super::principal::{self, Invalid};

/// A grant and all that it comes of, as of one state of the directory.
#[derive(Clone, Debug)]
pub struct Ancestry {
    grant: Arc<GrantEntry>,
    organization: Option<Arc<OrganizationEntry>>,
    holder: HeldBy,
    /// A person's: one of the identity providers at which they sign in stands (decision 0037). A key's: so it is.
    signs_in: bool,
    client: Option<Arc<ClientEntry>>,
    server: Option<Arc<ServerEntry>>,
    consent: Option<Arc<ConsentEntry>>,
    approval: Option<Arc<ApprovalEntry>>,
    scopes: Arc<ScopeSet>,
}

/// By whose right.
#[derive(Clone, Debug)]
enum HeldBy {
    /// With the person whose key it is, where it is one's.
    Key(Arc<KeyEntry>, Option<PersonHolder>),
    Person(PersonHolder),
    /// The directory does not know of them.
    Nobody,
}

/// Why a grant does not work now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fallen {
    #[error("the grant has ended")]
    Ended,
    #[error("the grant has expired")]
    Expired,
    #[error("whoever gave the grant may not any more")]
    Holder,
    #[error("no identity provider that the person signs in at counts in the organization any more")]
    Issuer,
    #[error("the client is disabled")]
    ClientDisabled,
    #[error("the client is removed, or is none of this organization's")]
    ClientGone,
    #[error("the organization has not approved the client")]
    NotApproved,
    #[error("the consent that the grant comes of is withdrawn")]
    NoConsent,
    #[error("the server is disabled or removed")]
    Server,
    #[error("the organization is suspended")]
    OrganizationSuspended,
    /// An event about one of them can't be read, or the log has not told of it, or not yet: nobody knows.
    #[error(
        "an event about the grant, or what it comes of, can't be read or may not be obeyed, so nobody can judge it: tell \
         the gateway's operator"
    )]
    Closed,
}

impl Fallen {
    /// Its name in metrics and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ended => "grant_ended",
            Self::Expired => "expired",
            Self::Holder => "grant_holder",
            Self::Issuer => "grant_issuer",
            Self::ClientDisabled => "client_disabled",
            Self::ClientGone => "client_gone",
            Self::NotApproved => "client_not_approved",
            Self::NoConsent => "consent_withdrawn",
            Self::Server => "server",
            Self::OrganizationSuspended => "organization_suspended",
            Self::Closed => "closed",
        }
    }

    /// Of what the person comes to.
    fn of(invalid: Invalid) -> Self {
        if invalid == Invalid::Closed { Self::Closed } else { Self::Holder }
    }
}

impl Ancestry {
    /// What the grant comes of, now.
    pub fn of(directory: &Directory, grant: Arc<GrantEntry>) -> Self {
        let holder = HeldBy::of(directory, &grant);
        let consent = directory.consent_by_id(grant.consent);
        let scopes = narrowed(&grant.scopes, consent.as_deref(), &holder);
        Self {
            organization: directory.organization(grant.organization),
            client: directory.client(grant.client),
            server: directory.server_by_id(grant.server),
            approval: directory.approval_by_id(grant.approval),
            signs_in: holder.signs_in(directory, grant.organization),
            holder,
            consent,
            scopes,
            grant,
        }
    }

    pub fn grant(&self) -> &Arc<GrantEntry> {
        &self.grant
    }

    pub fn server(&self) -> Option<&Arc<ServerEntry>> {
        self.server.as_ref()
    }

    /// The key that it is bound to, where it is to one.
    pub fn key(&self) -> Option<&Arc<KeyEntry>> {
        match &self.holder {
            HeldBy::Key(key, _) => Some(key),
            HeldBy::Person(_) | HeldBy::Nobody => None,
        }
    }

    /// What its holder may give at most.
    pub fn holds(&self) -> Option<&Arc<ScopeSet>> {
        match &self.holder {
            HeldBy::Key(key, _) => Some(&key.scopes),
            HeldBy::Person(holder) => holder.member().map(|member| &member.scopes),
            HeldBy::Nobody => None,
        }
    }

    /// What it may do now: never more than was consented to, nor than its holder may.
    pub fn scopes(&self) -> &Arc<ScopeSet> {
        &self.scopes
    }

    /// Whether it works at this time, check by check.
    pub fn check(&self, now: Timestamp) -> Result<(), Fallen> {
        match self.grant.state {
            GrantState::Closed => return Err(Fallen::Closed),
            GrantState::Ended => return Err(Fallen::Ended),
            GrantState::Active if now >= self.grant.expires_at => return Err(Fallen::Expired),
            GrantState::Active => {}
        }
        let organization = self.organization.as_ref().ok_or(Fallen::Closed)?;
        match organization.state {
            OrganizationState::Active => {}
            OrganizationState::Suspended | OrganizationState::Forgotten => {
                return Err(Fallen::OrganizationSuspended);
            }
            OrganizationState::Closed => return Err(Fallen::Closed),
        }
        self.holder.check(self.grant.organization, now)?;
        if !self.holder.is_since_before(self.grant.given) {
            return Err(Fallen::Holder);
        }
        if !self.signs_in {
            return Err(Fallen::Issuer);
        }
        self.check_client()?;
        if organization.requires_approval {
            match self.approval.as_ref().map(|approval| approval.state) {
                Some(ApprovalState::Given) => {}
                Some(ApprovalState::Withdrawn) | None => return Err(Fallen::NotApproved),
                Some(ApprovalState::Closed) => return Err(Fallen::Closed),
            }
        }
        self.check_consent()?;
        let server = self.server.as_ref().ok_or(Fallen::Closed)?;
        if server.organization != self.grant.organization {
            return Err(Fallen::Server);
        }
        match server.state {
            ServerState::Enabled => Ok(()),
            ServerState::Disabled | ServerState::Removed => Err(Fallen::Server),
            ServerState::Closed => Err(Fallen::Closed),
        }
    }

    fn check_client(&self) -> Result<(), Fallen> {
        let client = self.client.as_ref().ok_or(Fallen::Closed)?;
        let own = match client.owner {
            Owner::Installation => true,
            Owner::Organization(id) => id == self.grant.organization,
        };
        match client.state {
            ClientState::Active if own => Ok(()),
            ClientState::Active | ClientState::Removed => Err(Fallen::ClientGone),
            ClientState::Disabled => Err(Fallen::ClientDisabled),
            ClientState::Closed => Err(Fallen::Closed),
        }
    }

    fn check_consent(&self) -> Result<(), Fallen> {
        let consent = self.consent.as_ref().ok_or(Fallen::NoConsent)?;
        match consent.state {
            // One that was given again after the grant is another one than the grant comes of.
            ConsentState::Given if consent.since < self.grant.given => Ok(()),
            ConsentState::Given | ConsentState::Withdrawn => Err(Fallen::NoConsent),
            ConsentState::Closed => Err(Fallen::Closed),
        }
    }

    /// When it ends by itself.
    pub fn until(&self) -> Timestamp {
        let own = self.grant.expires_at;
        match &self.holder {
            HeldBy::Key(key, _) => key.expires_at.map_or(own, |until| until.min(own)),
            HeldBy::Person(_) | HeldBy::Nobody => own,
        }
    }

    /// What of the directory it rests on.
    pub fn parts(&self) -> impl Iterator<Item = Part> {
        let GrantEntry { id, organization, holder, client, server, consent, approval, .. } = &*self.grant;
        let key = match holder {
            Holder::Key { id } => Some(Part::Key(*id)),
            Holder::Person { id: _ } => None,
        };
        let person = match (holder, &self.holder) {
            (Holder::Person { id }, _) => Some(*id),
            (Holder::Key { id: _ }, HeldBy::Key(key, _)) => person_of(key),
            (Holder::Key { id: _ }, HeldBy::Person(_) | HeldBy::Nobody) => None,
        };
        let member = person.map(|person| Part::Member(MemberId::of(*organization, person)));
        let parts = [
            Part::Grant(*id),
            Part::Organization(*organization),
            Part::Client(*client),
            Part::Server(*server),
            Part::Consent(*consent),
            Part::Approval(*approval),
        ];
        // One that is added later is watched from the next look on, which comes in any case.
        let issuers = match &self.holder {
            HeldBy::Person(holder) => Some(holder.issuers()),
            HeldBy::Key(..) | HeldBy::Nobody => None,
        };
        let whose = key.into_iter().chain(person.map(Part::Person)).chain(member);
        parts.into_iter().chain(whose).chain(issuers.into_iter().flatten())
    }
}

impl HeldBy {
    fn of(directory: &Directory, grant: &GrantEntry) -> Self {
        let person = |id| PersonHolder::of(directory, id, Some(grant.organization));
        match grant.holder {
            Holder::Person { id } => person(id).map_or(Self::Nobody, Self::Person),
            Holder::Key { id } => match directory.key(id) {
                Some(key) => {
                    let person = person_of(&key).and_then(person);
                    Self::Key(key, person)
                }
                None => Self::Nobody,
            },
        }
    }

    /// A key works without anybody signing in, and so does what it gave.
    fn signs_in(&self, directory: &Directory, organization: OrganizationId) -> bool {
        match self {
            Self::Person(holder) => holder.signs_in(directory, organization),
            Self::Key(..) | Self::Nobody => true,
        }
    }

    /// Whether a person is the member by whose right it was given: who is removed and added again is so anew.
    fn is_since_before(&self, given: u64) -> bool {
        match self {
            Self::Person(holder) => holder.member().is_some_and(|member| member.since < given),
            Self::Key(..) | Self::Nobody => true,
        }
    }

    fn check(&self, organization: OrganizationId, now: Timestamp) -> Result<(), Fallen> {
        let key = match self {
            Self::Nobody => return Err(Fallen::Holder),
            Self::Person(person) => return person.check().map_err(Fallen::of),
            Self::Key(key, person) => {
                person.as_ref().map_or(Ok(()), PersonHolder::check).map_err(Fallen::of)?;
                key
            }
        };
        let begun = key.not_before.is_none_or(|from| now >= from);
        let lasts = key.expires_at.is_none_or(|until| now < until);
        match key.state {
            KeyState::Closed => Err(Fallen::Closed),
            KeyState::Active if begun && lasts && key.owner == Owner::Organization(organization) => Ok(()),
            KeyState::Active | KeyState::Revoked | KeyState::Disabled => Err(Fallen::Holder),
        }
    }
}

/// The person whose key it is.
fn person_of(key: &KeyEntry) -> Option<UserId> {
    match key.key_owner {
        KeyOwner::User { id } => Some(id),
        KeyOwner::Installation | KeyOwner::Organization | KeyOwner::Service { .. } => None,
    }
}

/// The grant's scopes, as far as those that it comes of have them still. Nearly always that is all of them.
fn narrowed(own: &Arc<ScopeSet>, consent: Option<&ConsentEntry>, holder: &HeldBy) -> Arc<ScopeSet> {
    let nothing = ScopeSet::nothing;
    let consented = match consent {
        Some(consent) => principal::narrowed(own, &consent.scopes),
        None => Arc::new(nothing()),
    };
    match holder {
        HeldBy::Key(key, _) => principal::narrowed(&consented, &key.scopes),
        HeldBy::Person(holder) => match holder.member() {
            Some(member) => principal::narrowed(&consented, &member.scopes),
            None => Arc::new(nothing()),
        },
        HeldBy::Nobody => Arc::new(nothing()),
    }
}

#[cfg(test)]
mod tests;
