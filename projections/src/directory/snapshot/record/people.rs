//! The stored form of people, members and invitations.

use std::borrow::Cow;
use std::sync::Arc;

use events::digest::DigestBytes;
use events::person::{Identity, IdentityDigest};
use events::{InvitationId, IssuerId, MemberId, OrganizationId, Role, ScopeSet, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{BadRecord, Id};
use crate::directory::{
    InvitationEntry, InvitationState, MemberEntry, MemberState, Newest, PersonEntry, PersonState,
};

#[derive(Serialize, Deserialize)]
pub(in super::super) enum People<'a> {
    Person(Person),
    #[serde(borrow)]
    Member(Member<'a>),
    #[serde(borrow)]
    Invitation(Invitation<'a>),
}

#[derive(Serialize, Deserialize)]
pub(in super::super) struct Person {
    id: Id,
    state: StoredPersonState,
    /// Each with its issuer.
    identities: Vec<(Id, [u8; 20])>,
    signed_out: u64,
    generation: u64,
    newest: u64,
}

#[derive(Serialize, Deserialize)]
pub(in super::super) struct Member<'a> {
    id: Id,
    organization: Id,
    person: Id,
    role: StoredRole,
    /// With spaces between them.
    #[serde(borrow)]
    pub(in super::super) scopes: Cow<'a, str>,
    state: StoredMemberState,
    departure: u32,
    since: u64,
    generation: u64,
    newest: u64,
}

#[derive(Serialize, Deserialize)]
pub(in super::super) struct Invitation<'a> {
    id: Id,
    organization: Id,
    digest: [u8; 32],
    role: StoredRole,
    /// With spaces between them.
    #[serde(borrow)]
    pub(in super::super) scopes: Cow<'a, str>,
    /// Milliseconds since 1970.
    expires_at: i64,
    state: StoredInvitationState,
    generation: u64,
    newest: u64,
}

super::stored! {
    StoredPersonState of PersonState { Active, Suspended, Ended, Forgotten, Closed }
    StoredMemberState of MemberState { Active, Removed, Closed }
    StoredInvitationState of InvitationState { Open, Accepted, Withdrawn, Closed }
    StoredRole of Role { Owner, Admin, Developer, Auditor, Viewer }
}

impl Person {
    pub(in super::super) fn of(entry: &PersonEntry) -> Self {
        let PersonEntry { id, state, identities, signed_out, generation, newest } = entry;
        Self {
            id: *id.uuid().as_bytes(),
            state: (*state).into(),
            identities: identities.iter().map(|it| (*it.issuer.uuid().as_bytes(), it.digest.0)).collect(),
            signed_out: *signed_out,
            generation: *generation,
            newest: newest.0,
        }
    }

    pub(in super::super) fn entry(self) -> PersonEntry {
        let identity = |(issuer, digest)| Identity {
            issuer: IssuerId::new(Uuid::from_bytes(issuer)),
            digest: IdentityDigest(digest),
        };
        PersonEntry {
            id: UserId::new(Uuid::from_bytes(self.id)),
            state: self.state.into(),
            identities: self.identities.into_iter().map(identity).collect(),
            signed_out: self.signed_out,
            generation: self.generation,
            newest: Newest(self.newest),
        }
    }
}

impl<'a> Member<'a> {
    pub(in super::super) fn of(entry: &'a MemberEntry) -> Self {
        let MemberEntry {
            id,
            organization,
            person,
            role,
            scopes,
            state,
            departure,
            since,
            generation,
            newest,
        } = entry;
        Self {
            id: *id.uuid().as_bytes(),
            organization: *organization.uuid().as_bytes(),
            person: *person.uuid().as_bytes(),
            role: (*role).into(),
            scopes: scopes.to_string().into(),
            state: (*state).into(),
            departure: *departure,
            since: *since,
            generation: *generation,
            newest: newest.0,
        }
    }

    pub(in super::super) fn entry(self, scopes: Arc<ScopeSet>) -> MemberEntry {
        MemberEntry {
            id: MemberId::new(Uuid::from_bytes(self.id)),
            organization: OrganizationId::new(Uuid::from_bytes(self.organization)),
            person: UserId::new(Uuid::from_bytes(self.person)),
            role: self.role.into(),
            scopes,
            state: self.state.into(),
            departure: self.departure,
            since: self.since,
            generation: self.generation,
            newest: Newest(self.newest),
        }
    }
}

impl<'a> Invitation<'a> {
    pub(in super::super) fn of(entry: &'a InvitationEntry) -> Self {
        let InvitationEntry { id, organization, digest, role, scopes, expires_at, state, generation, newest } =
            entry;
        Self {
            id: *id.uuid().as_bytes(),
            organization: *organization.uuid().as_bytes(),
            digest: digest.0,
            role: (*role).into(),
            scopes: scopes.to_string().into(),
            expires_at: expires_at.unix_millis(),
            state: (*state).into(),
            generation: *generation,
            newest: newest.0,
        }
    }

    pub(in super::super) fn entry(self, scopes: Arc<ScopeSet>) -> Result<InvitationEntry, BadRecord> {
        Ok(InvitationEntry {
            id: InvitationId::new(Uuid::from_bytes(self.id)),
            organization: OrganizationId::new(Uuid::from_bytes(self.organization)),
            digest: DigestBytes(self.digest),
            role: self.role.into(),
            scopes,
            expires_at: Timestamp::from_unix_millis(self.expires_at).ok_or(BadRecord("time"))?,
            state: self.state.into(),
            generation: self.generation,
            newest: Newest(self.newest),
        })
    }
}
