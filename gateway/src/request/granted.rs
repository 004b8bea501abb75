//! Who calls by an access token: what the directory has, at one moment, of all that the token rests on. What belongs to
//! what is worked out here, by ancestry: no event says of each grant that its person or its client went (decision
//! 0029).

use std::sync::Arc;

use events::{Holder as By, Owner, ScopeSet, Timestamp};
use projections::directory::{
    ApprovalState, ClientEntry, ClientState, ConsentState, Directory, GrantEntry, GrantState,
    OrganizationEntry, Part, TokenKeyState,
};

use super::holder::Holder;
use super::principal::{Invalid, Principal};
use super::token::AccessToken;

/// A token with what stands behind it.
#[derive(Debug)]
pub struct Granted {
    pub token: Arc<AccessToken>,
    pub grant: Arc<GrantEntry>,
    /// What its client may do now: no more than the token, the grant, the consent and the holder each allow.
    scopes: Arc<ScopeSet>,
    /// What whoever gave it may give at most.
    holds: Arc<ScopeSet>,
    /// Where the grant is bound to a key.
    key: Option<Principal>,
    standing: Result<(), Invalid>,
    /// The newest event of what it rests on.
    generation: u64,
}

impl Granted {
    /// `None`: there is no such grant, or its time is over.
    pub fn of(directory: &Directory, token: Arc<AccessToken>) -> Option<Self> {
        let grant = directory.grant(token.grant)?;
        let nothing = Arc::new(ScopeSet::nothing());
        let (scopes, generation) = (Arc::clone(&token.scopes), grant.generation);
        let mut found = Found { scopes, holds: nothing, generation, key: None };
        let standing = found.stand(directory, &token, &grant);
        let Found { scopes, holds, generation, key } = found;
        Some(Self { token, grant, scopes, holds, key, standing, generation })
    }

    pub fn scopes(&self) -> &Arc<ScopeSet> {
        &self.scopes
    }

    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// For whom it speaks: a person, or whoever the key speaks for that it is bound to.
    pub fn subject(&self) -> String {
        match (&self.key, self.grant.holder) {
            (Some(key), _) => key.subject(),
            (None, holder) => holder.to_string(),
        }
    }

    /// Whether another sign-in can give the client these scopes, separated by spaces.
    pub fn can_step_up_to(&self, scopes: &str) -> bool {
        let wanted = scopes.parse::<ScopeSet>();
        wanted.is_ok_and(|wanted| wanted.iter().all(|scope| self.holds.covers(scope)))
    }

    /// Whether it works at this time, its organization aside.
    pub fn check(&self, now: Timestamp) -> Result<(), Invalid> {
        self.standing?;
        if now >= self.token.expires_at || now >= self.grant.expires_at {
            return Err(Invalid::Expired);
        }
        self.key.as_ref().map_or(Ok(()), |key| key.check(now))
    }

    /// When it ends by itself.
    pub fn until(&self) -> Timestamp {
        let key = self.key.as_ref().and_then(Principal::until);
        let until = self.token.expires_at.min(self.grant.expires_at);
        key.map_or(until, |key| until.min(key))
    }

    /// What of the directory it rests on.
    pub fn parts(&self) -> Vec<Part> {
        let GrantEntry { id, organization, client, consent, approval, holder, .. } = *self.grant;
        let mut parts = vec![
            Part::Grant(id),
            Part::Client(client),
            Part::Consent(consent),
            Part::Approval(approval),
            Part::TokenKey(self.token.key),
            Part::Organization(organization),
        ];
        match (holder, &self.key) {
            (By::Person { id }, _) => parts.extend(Holder::parts(id, Some(organization))),
            (By::Key { id }, None) => parts.push(Part::Key(id)),
            (By::Key { .. }, Some(key)) => parts.extend(key.parts()),
        }
        parts
    }
}

/// What is found out on the way.
struct Found {
    scopes: Arc<ScopeSet>,
    holds: Arc<ScopeSet>,
    generation: u64,
    key: Option<Principal>,
}

impl Found {
    /// The list of what must stand, in the order in which a person would look for the cause.
    fn stand(
        &mut self,
        directory: &Directory,
        token: &AccessToken,
        grant: &GrantEntry,
    ) -> Result<(), Invalid> {
        let signer = directory.token_key(token.key).ok_or(Invalid::SignerRetired)?;
        if signer.state == TokenKeyState::Retired {
            return Err(Invalid::SignerRetired);
        }
        match grant.state {
            GrantState::Active => {}
            GrantState::Ended => return Err(Invalid::GrantEnded),
            GrantState::Closed => return Err(Invalid::Closed),
        }
        // What a signed token says of its grant is what the log says, or nobody knows which of them was meant.
        let server = directory.server_by_id(grant.server).ok_or(Invalid::GrantEnded)?;
        if grant.organization != token.organization || server.slug != token.server.server {
            return Err(Invalid::GrantEnded);
        }
        self.narrow(&grant.scopes);
        self.consent(directory, grant)?;
        let organization = directory.organization(grant.organization).ok_or(Invalid::Closed)?;
        self.client(directory, grant, &organization)?;
        self.holder(directory, grant)
    }

    fn consent(&mut self, directory: &Directory, grant: &GrantEntry) -> Result<(), Invalid> {
        let consent = directory.consent_by_id(grant.consent).ok_or(Invalid::ConsentWithdrawn)?;
        match consent.state {
            // One that was withdrawn and given again is another one: a grant of before does not rest on it.
            ConsentState::Given if consent.since < grant.given => {}
            ConsentState::Given | ConsentState::Withdrawn => return Err(Invalid::ConsentWithdrawn),
            ConsentState::Closed => return Err(Invalid::Closed),
        }
        self.newest(consent.generation);
        self.narrow(&consent.scopes);
        Ok(())
    }

    fn client(
        &mut self,
        directory: &Directory,
        grant: &GrantEntry,
        organization: &OrganizationEntry,
    ) -> Result<(), Invalid> {
        let client = directory.client(grant.client).ok_or(Invalid::ClientDisabled)?;
        match client.state {
            ClientState::Active => {}
            ClientState::Disabled | ClientState::Removed => return Err(Invalid::ClientDisabled),
            ClientState::Closed => return Err(Invalid::Closed),
        }
        if !is_for(&client, grant) {
            return Err(Invalid::ClientDisabled);
        }
        if !organization.requires_approval {
            return Ok(());
        }
        match directory.approval_by_id(grant.approval).map(|approval| approval.state) {
            Some(ApprovalState::Given) => Ok(()),
            Some(ApprovalState::Withdrawn) | None => Err(Invalid::ClientNotApproved),
            Some(ApprovalState::Closed) => Err(Invalid::Closed),
        }
    }

    fn holder(&mut self, directory: &Directory, grant: &GrantEntry) -> Result<(), Invalid> {
        let scopes = match grant.holder {
            By::Key { id } => {
                let own = Owner::Organization(grant.organization);
                let as_of = directory.applied();
                let key = directory.key(id).filter(|key| key.owner == own).ok_or(Invalid::Revoked)?;
                self.newest(key.generation);
                let scopes = Arc::clone(&key.scopes);
                self.key = Some(Principal::of_key(directory, key, as_of));
                scopes
            }
            By::Person { id } => {
                let holder =
                    Holder::of(directory, id, Some(grant.organization)).ok_or(Invalid::PersonEnded)?;
                holder.check()?;
                let member = holder.member().ok_or(Invalid::NoMember)?;
                self.newest(member.generation);
                Arc::clone(&member.scopes)
            }
        };
        self.narrow(&scopes);
        self.holds = scopes;
        Ok(())
    }

    fn newest(&mut self, generation: u64) {
        self.generation = self.generation.max(generation);
    }

    /// To what these allow as well. In the usual case they allow all of it, and nothing is made.
    fn narrow(&mut self, to: &ScopeSet) {
        if !self.scopes.iter().all(|scope| to.covers(scope)) {
            self.scopes = Arc::new(self.scopes.meet(to));
        }
    }
}

/// A client of one organization is for that one alone.
fn is_for(client: &ClientEntry, grant: &GrantEntry) -> bool {
    match client.owner {
        Owner::Installation => true,
        Owner::Organization(id) => id == grant.organization,
    }
}
