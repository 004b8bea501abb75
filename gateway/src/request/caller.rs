//! Callers, resolved: the key and the organization as the directory has them, and what was worked out of
//! them. Kept in a bounded cache that needs no invalidation: on every hit the generations of both are compared
//! with the directory's, and the times with the clock.

use std::sync::{Arc, Mutex, PoisonError};

use events::digest::DigestBytes;
use events::key::KeyOwner;
use events::{Owner, ServerId, Timestamp};
use moka::sync::Cache;
use projections::directory::{Directory, KeyEntry, KeyState, OrganizationEntry, OrganizationState};

use super::identity::Route;

/// Who calls, as of one state of the directory.
pub struct Caller {
    pub key: Arc<KeyEntry>,
    /// `None` for the installation's own keys.
    pub organization: Option<Arc<OrganizationEntry>>,
    /// How upstreams were last reached for this caller, one a server.
    routes: Mutex<Vec<(ServerId, Arc<Route>)>>,
}

/// Routes that a caller keeps.
const MAX_ROUTES: usize = 32;

/// Why a key that is known does not work now.
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

impl Caller {
    /// The state of this key and its organization now.
    pub fn resolve(directory: &Directory, key: Arc<KeyEntry>) -> Self {
        let organization = key.owner.organization().and_then(|id| directory.organization(id));
        Self { key, organization, routes: Mutex::new(Vec::new()) }
    }

    /// Whether the directory still says what this caller was resolved from.
    pub fn is_current(&self, directory: &Directory) -> bool {
        directory.key_generation(&self.key.digest) == Some(self.key.generation)
            && match self.key.owner {
                Owner::Installation => true,
                Owner::Organization(id) => {
                    directory.organization_generation(id)
                        == self.organization.as_ref().map(|organization| organization.generation)
                }
            }
    }

    /// The checks, in order.
    pub fn check(&self, now: Timestamp) -> Result<(), Invalid> {
        match self.key.state {
            KeyState::Closed => return Err(Invalid::Closed),
            KeyState::Revoked => return Err(Invalid::Revoked),
            KeyState::Disabled => return Err(Invalid::Disabled),
            KeyState::Active => {}
        }
        if self.key.not_before.is_some_and(|from| now < from) {
            return Err(Invalid::NotYetValid);
        }
        if self.key.expires_at.is_some_and(|until| now >= until) {
            return Err(Invalid::Expired);
        }
        match (self.key.owner, &self.organization) {
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

    /// `organization:<id>`, `user:<id>`, `service:<id>` or `installation`.
    pub fn subject(&self) -> String {
        match (&self.key.key_owner, self.key.owner) {
            (KeyOwner::User { id }, _) => format!("user:{id}"),
            (KeyOwner::Service { id }, _) => format!("service:{id}"),
            (KeyOwner::Organization | KeyOwner::Installation, Owner::Organization(id)) => {
                format!("organization:{id}")
            }
            (KeyOwner::Organization | KeyOwner::Installation, Owner::Installation) => {
                "installation".to_owned()
            }
        }
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

/// The resolved callers, by digest.
pub struct Callers {
    directory: Arc<Directory>,
    cache: Cache<DigestBytes, Arc<Caller>>,
}

impl Callers {
    pub fn new(directory: Arc<Directory>, max: u64) -> Self {
        Self { directory, cache: Cache::new(max) }
    }

    /// The caller of this digest as the directory has it now; `None`: no such key. Unknown keys are refused
    /// from memory, and never fill the cache.
    pub fn get(&self, digest: &DigestBytes) -> Option<Arc<Caller>> {
        if let Some(caller) = self.cache.get(digest) {
            if caller.is_current(&self.directory) {
                return Some(caller);
            }
            self.cache.invalidate(digest);
        }
        let key = self.directory.key_by_digest(digest)?;
        // What is kept is worked out of these two entries alone, with their generations: a fill that comes
        // late differs from the directory at its first hit.
        let caller = Arc::new(Caller::resolve(&self.directory, key));
        self.cache.insert(*digest, Arc::clone(&caller));
        Some(caller)
    }
}
