//! What is held of people, of what they are in organizations, and of invitations to become that. All of it stays, also of
//! those who are ended, removed or spent.

use std::sync::Arc;

use events::digest::DigestBytes;
use events::person::IdentityDigest;
use events::{InvitationId, MemberId, OrganizationId, Owner, UserId};

use super::hash::ById;
use super::holding::{Holding, Holdings};
use super::{InvitationEntry, MemberEntry, PersonEntry};

#[derive(Default)]
pub(super) struct People {
    pub persons: ById<UserId, Arc<PersonEntry>>,
    pub identities: ById<IdentityDigest, UserId>,
    pub members: ById<MemberId, Arc<MemberEntry>>,
    pub memberships: ById<(OrganizationId, UserId), MemberId>,
    pub invitations: ById<InvitationId, Arc<InvitationEntry>>,
    pub invitation_digests: ById<DigestBytes, InvitationId>,
}

/// All of it, each in the order of its ids.
#[derive(Default)]
pub(super) struct PeopleEntries {
    pub persons: Vec<Arc<PersonEntry>>,
    pub members: Vec<Arc<MemberEntry>>,
    pub invitations: Vec<Arc<InvitationEntry>>,
}

/// How many there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct PeopleCounts {
    pub persons: usize,
    pub members: usize,
    pub invitations: usize,
}

impl People {
    pub fn counts(&self) -> PeopleCounts {
        PeopleCounts {
            persons: self.persons.len(),
            members: self.members.len(),
            invitations: self.invitations.len(),
        }
    }

    pub fn entries(&self) -> PeopleEntries {
        // Named one by one, so that nothing that is added is left out of snapshots in silence. What leads to entries they
        // know themselves.
        let Self { persons, identities: _, members, memberships: _, invitations, invitation_digests: _ } =
            self;
        let mut entries = PeopleEntries {
            persons: persons.pin().values().cloned().collect(),
            members: members.pin().values().cloned().collect(),
            invitations: invitations.pin().values().cloned().collect(),
        };
        entries.persons.sort_unstable_by_key(|entry| entry.id);
        entries.members.sort_unstable_by_key(|entry| entry.id);
        entries.invitations.sort_unstable_by_key(|entry| entry.id);
        entries
    }

    pub fn install(&self, entries: PeopleEntries) {
        let PeopleEntries { persons, members, invitations } = entries;
        for entry in persons {
            for identity in entry.identities.iter() {
                self.identities.pin().insert(identity.digest, entry.id);
            }
            self.persons.pin().insert(entry.id, entry);
        }
        for entry in members {
            self.memberships.pin().insert((entry.organization, entry.person), entry.id);
            self.members.pin().insert(entry.id, entry);
        }
        for entry in invitations {
            self.invitation_digests.pin().insert(entry.digest, entry.id);
            self.invitations.pin().insert(entry.id, entry);
        }
    }
}

impl PeopleEntries {
    /// Counts what is whose.
    pub fn hold(&self, holdings: &mut Holdings) {
        let mut add = |organization, more| {
            holdings.change(Owner::Organization(organization), Holding::default(), more);
        };
        self.members.iter().for_each(|entry| add(entry.organization, Holding::of_member()));
        self.invitations.iter().for_each(|entry| add(entry.organization, Holding::of_invitation()));
    }

    pub fn counts(&self) -> PeopleCounts {
        PeopleCounts {
            persons: self.persons.len(),
            members: self.members.len(),
            invitations: self.invitations.len(),
        }
    }
}
