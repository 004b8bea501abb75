//! The person by whose right a credential works, and what they are in its organization.

use std::sync::Arc;

use events::{MemberId, OrganizationId, UserId};
use projections::directory::{Directory, MemberEntry, MemberState, Part, PersonEntry, PersonState};

use super::principal::Invalid;

#[derive(Clone, Debug)]
pub struct Holder {
    person: Arc<PersonEntry>,
    /// `None`: never a member.
    member: Option<Arc<MemberEntry>>,
}

impl Holder {
    /// `None`: no event tells of such a person.
    pub fn of(directory: &Directory, person: UserId, organization: Option<OrganizationId>) -> Option<Self> {
        let member = organization.and_then(|organization| directory.member(organization, person));
        Some(Self { person: directory.person(person)?, member })
    }

    /// Nothing of a person's works longer than the person, and what they are in the organization.
    pub fn check(&self) -> Result<(), Invalid> {
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

    pub fn member(&self) -> Option<&Arc<MemberEntry>> {
        self.member.as_ref()
    }

    /// Whether the person can sign in for an organization: at one of their identity providers at least, whose word counts there
    /// now.
    pub fn signs_in(&self, directory: &Directory, organization: OrganizationId) -> bool {
        self.person.identities.iter().any(|it| directory.issuer_stands_in(it.issuer, organization))
    }

    /// Where the person signs in.
    pub fn issuers(&self) -> impl Iterator<Item = Part> {
        self.person.identities.iter().map(|it| Part::Issuer(it.issuer))
    }

    /// What of the directory it rests on.
    pub fn parts(person: UserId, organization: Option<OrganizationId>) -> impl Iterator<Item = Part> {
        let member = organization.map(|organization| Part::Member(MemberId::of(organization, person)));
        [Part::Person(person)].into_iter().chain(member)
    }
}
