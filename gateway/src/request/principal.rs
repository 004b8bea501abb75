//! Who calls, resolved: the credential and the organization as the directory has them. It is read from the directory for
//! each call, which costs less than a cache before it would, and asked again in the course of a call: at the price of
//! one comparison while the directory stands still.
//!
//! Everybody asks a principal for its id, owner, holder and scopes. What it is by, a key, is for those alone who
//! must know, by [`Who`]: a further kind of credential is a variant there, and the compiler names them.

use std::fmt;
use std::sync::Arc;

use events::digest::DigestBytes;
use events::key::KeyOwner;
use events::{Actor, KeyId, MemberId, Owner, ScopeSet, Timestamp};
use projections::directory::{
    Directory, KeyEntry, KeyState, MemberEntry, MemberState, OrganizationEntry, OrganizationState, Part,
    PersonEntry, PersonState,
};
use uuid::Uuid;

use crate::problem::room::Whose;

/// Who calls, as of one state of the directory.
#[derive(Clone)]
pub struct Principal {
    who: Who,
    /// `None` for the installation's own credentials.
    organization: Option<Arc<OrganizationEntry>>,
    /// Where a person holds the credential; `None`: nobody of whom an event tells does.
    holder: Option<Holder>,
    /// How far the directory had come before this was read from it.
    as_of: u64,
}

/// A person by whose right a credential works, and what they are in its organization.
#[derive(Clone)]
struct Holder {
    person: Arc<PersonEntry>,
    /// `None`: never a member.
    member: Option<Arc<MemberEntry>>,
}

/// By what a principal is known.
#[derive(Clone, Debug)]
pub enum Who {
    Key(Arc<KeyEntry>),
}

/// One principal among all; the text form is that of the actor in events.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PrincipalId {
    Key(KeyId),
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
    #[error("the key's organization is suspended")]
    OrganizationSuspended,
    #[error("the person who holds the key is suspended")]
    PersonSuspended,
    #[error("the person who holds the key is ended")]
    PersonEnded,
    #[error("the person who holds the key is no member of its organization")]
    NoMember,
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
        }
    }

    pub fn actor(self) -> Actor {
        match self {
            Self::Key(id) => Actor::Key(id),
        }
    }
}

impl fmt::Display for PrincipalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(id) => write!(f, "key:{id}"),
        }
    }
}

impl Principal {
    /// The principal of the key with this digest; `None`: no such key. Unknown keys are refused from memory.
    pub fn of_digest(directory: &Directory, digest: &DigestBytes) -> Option<Self> {
        let as_of = directory.applied();
        Some(Self::of_key(directory, directory.key_by_digest(digest)?, as_of))
    }

    pub(super) fn of_key(directory: &Directory, key: Arc<KeyEntry>, as_of: u64) -> Self {
        let organization = key.owner.organization().and_then(|id| directory.organization(id));
        let holder = match key.key_owner {
            KeyOwner::User { id } => directory.person(id).map(|person| {
                let organization = key.owner.organization();
                let member = organization.and_then(|organization| directory.member(organization, id));
                Holder { person, member }
            }),
            KeyOwner::Installation | KeyOwner::Organization | KeyOwner::Service { .. } => None,
        };
        Self { who: Who::Key(key), organization, holder, as_of }
    }

    /// The same principal as the directory has it now; `None`: it is no more.
    pub fn again(&self, directory: &Directory) -> Option<Self> {
        // What was read is as new as what was applied before, or newer.
        if directory.applied() == self.as_of {
            return Some(self.clone());
        }
        match &self.who {
            Who::Key(key) => Self::of_digest(directory, &key.digest),
        }
    }

    pub fn who(&self) -> &Who {
        &self.who
    }

    pub fn id(&self) -> PrincipalId {
        match &self.who {
            Who::Key(key) => PrincipalId::Key(key.id),
        }
    }

    /// The organization that it belongs to, or the installation.
    pub fn owner(&self) -> Owner {
        match &self.who {
            Who::Key(key) => key.owner,
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
        }
    }

    pub fn organization(&self) -> Option<&Arc<OrganizationEntry>> {
        self.organization.as_ref()
    }

    pub fn scopes(&self) -> &Arc<ScopeSet> {
        match &self.who {
            Who::Key(key) => &key.scopes,
        }
    }

    /// For whom it speaks: `organization:<id>`, `user:<id>`, `service:<id>` or `installation`. Another credential
    /// of the same holder has the same.
    pub fn subject(&self) -> String {
        match &self.who {
            Who::Key(key) => match (&key.key_owner, key.owner) {
                (KeyOwner::User { id }, _) => format!("user:{id}"),
                (KeyOwner::Service { id }, _) => format!("service:{id}"),
                (KeyOwner::Organization | KeyOwner::Installation, Owner::Organization(id)) => {
                    format!("organization:{id}")
                }
                (KeyOwner::Organization | KeyOwner::Installation, Owner::Installation) => {
                    "installation".to_owned()
                }
            },
        }
    }

    /// Whether its credential works at this time, check by check.
    pub fn check(&self, now: Timestamp) -> Result<(), Invalid> {
        let Who::Key(key) = &self.who;
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
        match (key.owner, &self.organization) {
            (Owner::Installation, _) => {}
            (Owner::Organization(_), Some(organization)) => match organization.state {
                OrganizationState::Active => {}
                OrganizationState::Suspended | OrganizationState::Forgotten => {
                    return Err(Invalid::OrganizationSuspended);
                }
                OrganizationState::Closed => return Err(Invalid::Closed),
            },
            // Its key is known and it is not: the log has not said it, or not yet.
            (Owner::Organization(_), None) => return Err(Invalid::Closed),
        }
        self.holder.as_ref().map_or(Ok(()), Holder::check)
    }

    /// When its credential ends by itself; `None`: never.
    pub fn until(&self) -> Option<Timestamp> {
        let Who::Key(key) = &self.who;
        key.expires_at
    }

    /// What of the directory it rests on.
    pub fn parts(&self) -> impl Iterator<Item = Part> {
        let Who::Key(key) = &self.who;
        let organization = key.owner.organization();
        let person = match key.key_owner {
            KeyOwner::User { id } => Some(id),
            KeyOwner::Installation | KeyOwner::Organization | KeyOwner::Service { .. } => None,
        };
        let member = person.zip(organization).map(|(person, it)| Part::Member(MemberId::of(it, person)));
        [Part::Key(key.id)]
            .into_iter()
            .chain(organization.map(Part::Organization))
            .chain(person.map(Part::Person))
            .chain(member)
    }
}

impl Holder {
    /// Nothing of a person's works longer than the person, and what they are in the organization.
    fn check(&self) -> Result<(), Invalid> {
        match self.person.state {
            PersonState::Active => {}
            PersonState::Suspended => return Err(Invalid::PersonSuspended),
            PersonState::Ended | PersonState::Forgotten => return Err(Invalid::PersonEnded),
            PersonState::Closed => return Err(Invalid::Closed),
        }
        match self.member.as_ref().map(|member| member.state) {
            Some(MemberState::Active) => Ok(()),
            Some(MemberState::Removed) | None => Err(Invalid::NoMember),
            Some(MemberState::Closed) => Err(Invalid::Closed),
        }
    }
}
