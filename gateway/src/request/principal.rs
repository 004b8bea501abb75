//! Who calls, resolved: the credential and the organization as the directory has them. It is read from the directory for
//! each call, which costs less than a cache before it would, and asked again in the course of a call: at the price of
//! one comparison while the directory stands still.
//!
//! Everybody asks a principal for its id, owner, holder and scopes. What it is by, a key or a client's grant, is for those
//! alone who must know, by [`Who`]: a further kind of credential is a variant there, and the compiler names them.

use std::fmt;
use std::sync::Arc;

use events::digest::DigestBytes;
use events::key::KeyOwner;
use events::{Actor, GrantId, KeyId, Owner, ScopeSet, Timestamp};
use projections::directory::{Directory, KeyEntry, KeyState, OrganizationEntry, OrganizationState, Part};
use uuid::Uuid;

use super::ancestry::Fallen;
use super::granted::Granted;
use super::holder::Holder;
use super::token::AccessToken;
use crate::problem::room::Whose;

/// Who calls, as of one state of the directory.
#[derive(Clone, Debug)]
pub struct Principal {
    who: Who,
    /// `None` for the installation's own credentials.
    organization: Option<Arc<OrganizationEntry>>,
    /// Where a person holds the key; `None`: nobody of whom an event tells does.
    holder: Option<Holder>,
    /// How far the directory had come before this was read from it.
    as_of: u64,
}

/// By what a principal is known.
#[derive(Clone, Debug)]
pub enum Who {
    Key(Arc<KeyEntry>),
    /// A client, by an access token.
    Grant(Arc<Granted>),
}

/// One principal among all; the text form is that of the actor in events.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PrincipalId {
    Key(KeyId),
    Grant(GrantId),
}

/// Why a credential that is known does not work now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("the key is revoked")]
    Revoked,
    #[error("the key is disabled")]
    Disabled,
    #[error("the key is not valid yet")]
    NotYetValid,
    #[error("the key has expired")]
    Expired,
    #[error("its organization is suspended")]
    OrganizationSuspended,
    #[error("the person who holds it is suspended")]
    PersonSuspended,
    #[error("the person who holds it is ended")]
    PersonEnded,
    #[error("the person who holds it is no member of its organization")]
    NoMember,
    /// Of a grant, what it rests on.
    #[error(transparent)]
    Fallen(Fallen),
    #[error("the key that signed the token is retired, or the token is not of its grant")]
    TokenKey,
    /// An event about it can't be read, or is out of its place: nobody knows what it may do. Which of these it is the directory
    /// does not keep.
    #[error(
        "an event about the key can't be read or may not be obeyed, so nobody can judge it: tell the gateway's operator"
    )]
    Closed,
}

impl PrincipalId {
    pub fn uuid(self) -> Uuid {
        match self {
            Self::Key(id) => id.uuid(),
            Self::Grant(id) => id.uuid(),
        }
    }

    pub fn actor(self) -> Actor {
        match self {
            Self::Key(id) => Actor::Key(id),
            Self::Grant(id) => Actor::Grant(id),
        }
    }
}

impl fmt::Display for PrincipalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.actor().fmt(f)
    }
}

impl Principal {
    /// The principal of the key with this digest; `None`: no such key. Unknown keys are refused from memory.
    pub fn of_digest(directory: &Directory, digest: &DigestBytes) -> Option<Self> {
        let as_of = directory.applied();
        Some(Self::of_key(directory, directory.key_by_digest(digest)?, as_of))
    }

    pub(super) fn of_key(directory: &Directory, key: Arc<KeyEntry>, as_of: u64) -> Self {
        let organization = key.owner.organization();
        let holder = match key.key_owner {
            KeyOwner::User { id } => Holder::of(directory, id, organization),
            KeyOwner::Installation | KeyOwner::Organization | KeyOwner::Service { .. } => None,
        };
        let organization = organization.and_then(|id| directory.organization(id));
        Self { who: Who::Key(key), organization, holder, as_of }
    }

    /// The principal of an access token; `None`: its grant is gone.
    pub(super) fn of_token(directory: &Directory, token: Arc<AccessToken>) -> Option<Self> {
        let as_of = directory.applied();
        let organization = directory.organization(token.organization);
        let granted = Granted::of(directory, token)?;
        Some(Self { who: Who::Grant(Arc::new(granted)), organization, holder: None, as_of })
    }

    /// The same principal as the directory has it now; `None`: it is no more.
    pub fn again(&self, directory: &Directory) -> Option<Self> {
        // What was read is as new as what was applied before, or newer.
        if directory.applied() == self.as_of {
            return Some(self.clone());
        }
        match &self.who {
            Who::Key(key) => Self::of_digest(directory, &key.digest),
            Who::Grant(granted) => Self::of_token(directory, Arc::clone(&granted.token)),
        }
    }

    pub fn who(&self) -> &Who {
        &self.who
    }

    pub fn id(&self) -> PrincipalId {
        match &self.who {
            Who::Key(key) => PrincipalId::Key(key.id),
            Who::Grant(granted) => PrincipalId::Grant(granted.grant().id),
        }
    }

    /// The organization that it belongs to, or the installation.
    pub fn owner(&self) -> Owner {
        match &self.who {
            Who::Key(key) => key.owner,
            Who::Grant(granted) => Owner::Organization(granted.grant().organization),
        }
    }

    /// Whose its bodies are.
    pub fn whose(&self) -> Whose {
        Whose { owner: self.owner(), principal: self.id().uuid() }
    }

    /// The sequence of the event that made its credential what it is.
    pub fn generation(&self) -> u64 {
        match &self.who {
            Who::Key(key) => key.generation,
            Who::Grant(granted) => granted.grant().generation,
        }
    }

    pub fn organization(&self) -> Option<&Arc<OrganizationEntry>> {
        self.organization.as_ref()
    }

    pub fn scopes(&self) -> &Arc<ScopeSet> {
        match &self.who {
            Who::Key(key) => &key.scopes,
            Who::Grant(granted) => granted.scopes(),
        }
    }

    /// For whom it speaks: `organization:<id>`, `user:<id>`, `service:<id>` or `installation`. Another credential
    /// of the same holder has the same.
    pub fn subject(&self) -> String {
        match &self.who {
            Who::Key(key) => subject_of(key),
            Who::Grant(granted) => granted.subject(),
        }
    }

    /// Whether its client can get these scopes, separated by spaces, by another sign-in.
    pub fn can_step_up_to(&self, scopes: &str) -> bool {
        match &self.who {
            Who::Key(_) => false,
            Who::Grant(granted) => granted.can_step_up_to(scopes),
        }
    }

    /// Whether its credential works at this time, check by check.
    pub fn check(&self, now: Timestamp) -> Result<(), Invalid> {
        let owner = match &self.who {
            Who::Key(key) => {
                check_key(key, now)?;
                key.owner
            }
            Who::Grant(granted) => {
                granted.check(now)?;
                Owner::Organization(granted.grant().organization)
            }
        };
        match (owner, &self.organization) {
            (Owner::Installation, _) => {}
            (Owner::Organization(_), Some(organization)) => match organization.state {
                OrganizationState::Active => {}
                OrganizationState::Suspended | OrganizationState::Forgotten => {
                    return Err(Invalid::OrganizationSuspended);
                }
                OrganizationState::Closed => return Err(Invalid::Closed),
            },
            // What it owns is known and it is not: the log has not said it, or not yet.
            (Owner::Organization(_), None) => return Err(Invalid::Closed),
        }
        self.holder.as_ref().map_or(Ok(()), Holder::check)
    }

    /// When its credential ends by itself; `None`: never.
    pub fn until(&self) -> Option<Timestamp> {
        match &self.who {
            Who::Key(key) => key.expires_at,
            Who::Grant(granted) => Some(granted.until()),
        }
    }

    /// What of the directory it rests on.
    pub fn parts(&self) -> Vec<Part> {
        match &self.who {
            Who::Key(key) => {
                let organization = key.owner.organization();
                let mut parts = vec![Part::Key(key.id)];
                parts.extend(organization.map(Part::Organization));
                if let KeyOwner::User { id } = key.key_owner {
                    parts.extend(Holder::parts(id, organization));
                }
                parts
            }
            Who::Grant(granted) => granted.parts(),
        }
    }
}

/// Whether a key by itself works at this time.
fn check_key(key: &KeyEntry, now: Timestamp) -> Result<(), Invalid> {
    match key.state {
        KeyState::Closed => return Err(Invalid::Closed),
        KeyState::Revoked => return Err(Invalid::Revoked),
        KeyState::Disabled => return Err(Invalid::Disabled),
        KeyState::Active => {}
    }
    if key.not_before.is_some_and(|from| now < from) {
        return Err(Invalid::NotYetValid);
    }
    if key.expires_at.is_some_and(|until| now >= until) {
        return Err(Invalid::Expired);
    }
    Ok(())
}

/// These, as far as those have them as well. Nearly always that is all of them.
pub(super) fn narrowed(own: &Arc<ScopeSet>, by: &ScopeSet) -> Arc<ScopeSet> {
    if own.iter().all(|scope| by.covers(scope)) { Arc::clone(own) } else { Arc::new(own.meet(by)) }
}

/// For whom a key speaks.
pub(super) fn subject_of(key: &KeyEntry) -> String {
    match (&key.key_owner, key.owner) {
        (KeyOwner::User { id }, _) => format!("user:{id}"),
        (KeyOwner::Service { id }, _) => format!("service:{id}"),
        (KeyOwner::Organization | KeyOwner::Installation, Owner::Organization(id)) => {
            format!("organization:{id}")
        }
        (KeyOwner::Organization | KeyOwner::Installation, Owner::Installation) => "installation".to_owned(),
    }
}
