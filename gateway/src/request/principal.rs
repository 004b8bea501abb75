//! Who calls, resolved: the credential and the organization as the directory has them, and what was worked out of
//! them. Kept in a bounded cache that needs no invalidation: on every hit the generations of both are compared
//! with the directory's, and the times with the clock.
//!
//! Everybody asks a principal for its id, owner, holder and scopes. What it is by, a key, is for those alone who
//! must know, by [`Who`]: a further kind of credential is a variant there, and the compiler names them.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use events::digest::DigestBytes;
use events::key::KeyOwner;
use events::{Actor, KeyId, Owner, ScopeSet, ServerId, Timestamp};
use moka::sync::Cache;
use projections::directory::{Directory, KeyEntry, KeyState, OrganizationEntry, OrganizationState, Part};
use uuid::Uuid;

use super::identity::Route;
use crate::problem::room::Whose;

/// Who calls, as of one state of the directory.
pub struct Principal {
    who: Who,
    /// `None` for the installation's own credentials.
    organization: Option<Arc<OrganizationEntry>>,
    /// How upstreams were last reached for this principal, one a server.
    routes: Mutex<Vec<(ServerId, Arc<Route>)>>,
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

/// Routes that a principal keeps.
const MAX_ROUTES: usize = 32;

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
    /// An event about it can't be read by this version: nobody knows what it may do.
    #[error("this node can't judge the key: it must be upgraded")]
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
    /// The state of this key and its organization now.
    pub fn of_key(directory: &Directory, key: Arc<KeyEntry>) -> Self {
        let organization = key.owner.organization().and_then(|id| directory.organization(id));
        Self { who: Who::Key(key), organization, routes: Mutex::new(Vec::new()) }
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

    /// Whether the directory still says what this was resolved from.
    pub fn is_current(&self, directory: &Directory) -> bool {
        let Who::Key(key) = &self.who;
        directory.key_generation(&key.digest) == Some(key.generation)
            && match key.owner {
                Owner::Installation => true,
                Owner::Organization(id) => {
                    directory.organization_generation(id)
                        == self.organization.as_ref().map(|organization| organization.generation)
                }
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
            (Owner::Installation, _) => Ok(()),
            (Owner::Organization(_), Some(organization)) => match organization.state {
                OrganizationState::Active => Ok(()),
                OrganizationState::Suspended => Err(Invalid::OrganizationSuspended),
                OrganizationState::Closed => Err(Invalid::Closed),
            },
            // Its key is known and it is not: the log has not said it, or not yet.
            (Owner::Organization(_), None) => Err(Invalid::Closed),
        }
    }

    /// When its credential ends by itself; `None`: never.
    pub fn until(&self) -> Option<Timestamp> {
        let Who::Key(key) = &self.who;
        key.expires_at
    }

    /// What of the directory it rests on.
    pub fn parts(&self) -> impl Iterator<Item = Part> {
        let Who::Key(key) = &self.who;
        [Part::Key(key.id)].into_iter().chain(key.owner.organization().map(Part::Organization))
    }

    pub(super) fn route(&self, server: ServerId) -> Option<Arc<Route>> {
        let routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        routes.iter().find(|(id, _)| *id == server).map(|(_, route)| Arc::clone(route))
    }

    pub(super) fn keep_route(&self, server: ServerId, route: Arc<Route>) {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        routes.retain(|(id, _)| *id != server);
        if routes.len() == MAX_ROUTES {
            routes.remove(0);
        }
        routes.push((server, route));
    }
}

/// The resolved principals, by their keys' digests.
pub struct Principals {
    directory: Arc<Directory>,
    cache: Cache<DigestBytes, Arc<Principal>>,
}

impl Principals {
    pub fn new(directory: Arc<Directory>, max: u64) -> Self {
        Self { directory, cache: Cache::new(max) }
    }

    /// The principal of this digest as the directory has it now; `None`: no such key. Unknown keys are refused
    /// from memory, and never fill the cache.
    pub fn get(&self, digest: &DigestBytes) -> Option<Arc<Principal>> {
        if let Some(principal) = self.cache.get(digest) {
            if principal.is_current(&self.directory) {
                return Some(principal);
            }
            self.cache.invalidate(digest);
        }
        let key = self.directory.key_by_digest(digest)?;
        // What is kept is worked out of these two entries alone, with their generations: a fill that comes
        // late differs from the directory at its first hit.
        let principal = Arc::new(Principal::of_key(&self.directory, key));
        self.cache.insert(*digest, Arc::clone(&principal));
        Some(principal)
    }

    /// The same principal as the directory has it now; `None`: it is no more.
    pub fn again(&self, principal: &Arc<Principal>) -> Option<Arc<Principal>> {
        if principal.is_current(&self.directory) {
            return Some(Arc::clone(principal));
        }
        match principal.who() {
            Who::Key(key) => self.get(&key.digest),
        }
    }
}
