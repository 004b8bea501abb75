//! How much of the directory is an organization's: what it takes of the memory of every node.

use std::collections::HashMap;

use events::{OrganizationId, Owner};

use super::{KeyEntry, ServerEntry};

/// What one organization holds.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Holding {
    /// Keys that are not revoked.
    pub keys: u64,
    /// Revoked ones stay, small, for ever.
    pub revoked_keys: u64,
    /// Removed ones too: their slugs stay taken.
    pub servers: u64,
    /// The scopes of the keys that are not revoked, as text.
    pub scope_bytes: u64,
    /// Removed ones too.
    pub clients: u64,
    /// Withdrawn ones too.
    pub approvals: u64,
    /// Withdrawn ones too.
    pub consents: u64,
    /// Until their time is over.
    pub grants: u64,
    /// Those who were removed too.
    pub members: u64,
    /// Those that came to something too.
    pub invitations: u64,
}

/// What each organization holds. The installation's own is nobody's but the operators'.
#[derive(Default)]
pub(super) struct Holdings(HashMap<OrganizationId, Holding>);

impl Holding {
    pub(super) fn of_key(entry: &KeyEntry) -> Self {
        match entry.scopes.text_bytes() {
            // Revoked, and perhaps closed since.
            0 => Self { revoked_keys: 1, ..Self::default() },
            scope_bytes => Self { keys: 1, scope_bytes, ..Self::default() },
        }
    }

    pub(super) fn of_server(_: &ServerEntry) -> Self {
        Self { servers: 1, ..Self::default() }
    }

    pub(super) fn of_client() -> Self {
        Self { clients: 1, ..Self::default() }
    }

    pub(super) fn of_approval() -> Self {
        Self { approvals: 1, ..Self::default() }
    }

    pub(super) fn of_consent() -> Self {
        Self { consents: 1, ..Self::default() }
    }

    pub(super) fn of_grant() -> Self {
        Self { grants: 1, ..Self::default() }
    }

    pub(super) fn of_member() -> Self {
        Self { members: 1, ..Self::default() }
    }

    pub(super) fn of_invitation() -> Self {
        Self { invitations: 1, ..Self::default() }
    }

    #[must_use]
    pub fn plus(self, more: Self) -> Self {
        self.with(more, u64::saturating_add)
    }

    #[must_use]
    pub fn minus(self, less: Self) -> Self {
        self.with(less, u64::saturating_sub)
    }

    fn with(self, other: Self, change: impl Fn(u64, u64) -> u64) -> Self {
        let Self {
            keys,
            revoked_keys,
            servers,
            scope_bytes,
            clients,
            approvals,
            consents,
            grants,
            members,
            invitations,
        } = other;
        Self {
            keys: change(self.keys, keys),
            revoked_keys: change(self.revoked_keys, revoked_keys),
            servers: change(self.servers, servers),
            scope_bytes: change(self.scope_bytes, scope_bytes),
            clients: change(self.clients, clients),
            approvals: change(self.approvals, approvals),
            consents: change(self.consents, consents),
            grants: change(self.grants, grants),
            members: change(self.members, members),
            invitations: change(self.invitations, invitations),
        }
    }
}

impl Holdings {
    pub(super) fn of(&self, organization: OrganizationId) -> Holding {
        self.0.get(&organization).copied().unwrap_or_default()
    }

    /// An entry of the owner's takes the place of what was there before, if anything was.
    pub(super) fn change(&mut self, owner: Owner, before: Holding, after: Holding) {
        let Owner::Organization(organization) = owner else { return };
        let held = self.0.entry(organization).or_default();
        *held = held.minus(before).plus(after);
    }
}
