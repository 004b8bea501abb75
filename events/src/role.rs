//! What members may do: each role is a set of management scopes, and here is the one table of them.
//!
//! Nobody gives what they do not hold (as with keys): so a role is given, and taken away, by who holds all of its
//! scopes. An owner's `admin:*:*` is held by owners alone, and so an admin changes everybody but owners.

use std::sync::{Arc, LazyLock};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scope::{Access, AccessPattern, Resource, ResourcePattern, Scope, ScopeSet};

crate::named! {
    /// What a member is.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum Role {
        /// Everything, also who else is an owner.
        Owner = "owner",
        /// Everything but who is an owner.
        Admin = "admin",
        /// Servers, keys and webhooks.
        Developer = "developer",
        /// Reads everything, the history and who asked for what included.
        Auditor = "auditor",
        /// Reads what there is.
        Viewer = "viewer",
    }
}

/// The text is no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a role: owner, admin, developer, auditor or viewer")]
pub struct RoleError(pub String);

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::str::FromStr for Role {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, RoleError> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| RoleError(text.chars().take(64).collect()))
    }
}

impl Role {
    /// What a member with this role may do within the organization.
    pub fn scopes(self) -> Arc<ScopeSet> {
        static SETS: LazyLock<[Arc<ScopeSet>; Role::ALL.len()]> =
            LazyLock::new(|| Role::ALL.map(|role| Arc::new(role.table())));
        let place = Self::ALL.iter().position(|role| *role == self).unwrap_or(Self::ALL.len() - 1);
        Arc::clone(&SETS[place])
    }

    fn table(self) -> ScopeSet {
        let mut scopes: Vec<_> = Resource::ALL.into_iter().filter_map(|of| self.of(of)).collect();
        match self {
            Self::Owner => {
                scopes = vec![
                    Scope::Admin { resource: ResourcePattern::Any, access: AccessPattern::Any },
                    Scope::KeysVerify,
                ];
            }
            Self::Admin | Self::Developer => scopes.push(Scope::KeysVerify),
            Self::Auditor | Self::Viewer => {}
        }
        ScopeSet::new(scopes).unwrap_or_else(|_| ScopeSet::nothing())
    }

    /// What it may do of one resource, where it is not an owner's.
    fn of(self, resource: Resource) -> Option<Scope> {
        const ALL: Option<AccessPattern> = Some(AccessPattern::Any);
        const READ: Option<AccessPattern> = Some(AccessPattern::One(Access::Read));
        let (admin, developer, auditor, viewer) = match resource {
            Resource::Organizations => (ALL, READ, READ, READ),
            Resource::Servers => (ALL, ALL, READ, READ),
            Resource::Keys => (ALL, ALL, READ, READ),
            Resource::Events => (ALL, READ, READ, None),
            Resource::Access => (ALL, None, READ, None),
            Resource::Webhooks => (ALL, ALL, READ, None),
            Resource::Members => (ALL, READ, READ, READ),
            Resource::Invitations => (ALL, None, READ, None),
            Resource::Issuers => (ALL, READ, READ, None),
            Resource::Clients => (ALL, READ, READ, None),
            Resource::Grants => (ALL, None, READ, None),
            // The installation's own.
            Resource::Status | Resource::Signers | Resource::People => (None, None, None, None),
        };
        let access = match self {
            Self::Owner => ALL,
            Self::Admin => admin,
            Self::Developer => developer,
            Self::Auditor => auditor,
            Self::Viewer => viewer,
        }?;
        Some(Scope::Admin { resource: ResourcePattern::One(resource), access })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(one: Role, other: Role) -> bool {
        let one = one.scopes();
        other.scopes().iter().all(|scope| one.covers(scope))
    }

    #[test]
    fn owners_are_changed_by_owners_alone() {
        for role in Role::ALL {
            assert!(!role.scopes().is_mcp() && role.scopes().iter().next().is_some(), "{role}");
            assert!(covers(Role::Owner, role) && covers(role, role), "{role}");
            assert_eq!(covers(role, Role::Owner), role == Role::Owner, "{role}");
            assert_eq!(covers(role, Role::Admin), matches!(role, Role::Owner | Role::Admin), "{role}");
        }
    }

    #[test]
    fn who_audits_or_views_changes_nothing() {
        for role in [Role::Auditor, Role::Viewer] {
            for resource in Resource::ALL {
                assert!(!role.scopes().allows_admin(resource, Access::Write), "{role}");
            }
            assert!(!role.scopes().allows_verify(), "{role}");
        }
        assert!(Role::Auditor.scopes().allows_admin(Resource::Events, Access::Read));
        assert!(!Role::Viewer.scopes().allows_admin(Resource::Events, Access::Read));
    }
}
