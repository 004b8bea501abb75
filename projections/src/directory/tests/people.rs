//! People, members and invitations in the directory.

use events::invitation::{Created, InvitationEvent, Withdrawn};
use events::member::{Added, Changed, Departure, MemberEvent, Removed};
use events::person::{Identity, IdentityDigest, PersonEvent};
use events::slug::SlugKind;
use events::{InvitationId, IssuerId, MemberId, Role, UserId, person};

use super::*;
use crate::directory::people::People;
use crate::directory::{InvitationState, MemberState, OwnersOf, PersonState};

/// All that is known of them.
pub(super) fn lines(people: &People) -> Vec<String> {
    let People { persons, identities, members, memberships, invitations, invitation_digests } = people;
    let entries = persons.pin().values().map(|entry| format!("{entry:?}")).collect::<Vec<_>>();
    let members = members.pin().values().map(|entry| format!("{entry:?}")).collect();
    let invitations = invitations.pin().values().map(|entry| format!("{entry:?}")).collect();
    let identities = identities.pin().iter().map(|it| format!("{it:?}")).collect();
    let memberships = memberships.pin().iter().map(|it| format!("{it:?}")).collect();
    let digests = invitation_digests.pin().iter().map(|it| format!("{it:?}")).collect();
    [entries, members, invitations, identities, memberships, digests].concat()
}

pub(super) fn user(n: u8) -> UserId {
    UserId::new(Uuid::from_u128(0x0d00 + u128::from(n)))
}

pub(super) fn identity(n: u8) -> Identity {
    Identity { issuer: IssuerId::new(Uuid::from_u128(1)), digest: IdentityDigest([n; 20]) }
}

pub(super) fn of_person(sequence: u64, n: u8, it: PersonEvent) -> Read {
    event(sequence, Subject::person(user(n)), Event::Person(it))
}

pub(super) fn of_member(sequence: u64, o: u8, n: u8, it: MemberEvent) -> Read {
    let id = MemberId::of(organization(o), user(n));
    event(sequence, Subject::member(organization(o), id), Event::Member(it))
}

pub(super) fn invitation_id(n: u8) -> InvitationId {
    InvitationId::new(Uuid::from_u128(0x0e00 + u128::from(n)))
}

pub(super) fn of_invitation(sequence: u64, o: u8, n: u8, it: InvitationEvent) -> Read {
    event(sequence, Subject::invitation(organization(o), invitation_id(n)), Event::Invitation(it))
}

pub(super) fn added(identity: Identity) -> PersonEvent {
    PersonEvent::Added(person::Added {
        identity,
        email: None,
        email_verified: false,
        name: None,
        picture: None,
    })
}

pub(super) fn joined(n: u8, role: Role, invitation: Option<InvitationId>) -> MemberEvent {
    MemberEvent::Added(Added { person: user(n), role, scopes: "mcp:*".parse().unwrap(), invitation })
}

pub(super) fn left(departure: Option<u32>) -> MemberEvent {
    MemberEvent::Removed(Removed { reason: None, departure: departure.map(Departure::after) })
}

pub(super) fn invited(n: u8) -> InvitationEvent {
    InvitationEvent::Created(Created {
        role: Role::Viewer,
        scopes: "mcp:*".parse().unwrap(),
        secret_id: SecretId::new(Uuid::from_u128(3)),
        digest: KeyDigest {
            kind: DigestKind::Native,
            pepper: PepperId::new(Uuid::from_u128(9)),
            bytes: digest(n),
        },
        expires_at: Timestamp::UNIX_EPOCH,
        email: None,
        name: None,
    })
}

pub(super) fn withdrawn(n: u8) -> InvitationEvent {
    InvitationEvent::Withdrawn(Withdrawn { invitation: invitation_id(n), reason: None })
}

pub(super) fn ended() -> PersonEvent {
    PersonEvent::Ended(person::Ended { reason: None })
}

/// One of their events, by number.
pub(super) fn read(sequence: u64, what: u8, o: u8, n: u8) -> Read {
    match (what, o) {
        (0, 0) => of_person(sequence, n, added(identity(n / 2))),
        (0, 1) => of_person(
            sequence,
            n,
            PersonEvent::IdentityAdded(person::IdentityAdded { identity: identity(n) }),
        ),
        (0, _) => of_person(
            sequence,
            n,
            PersonEvent::IdentityRemoved(person::IdentityRemoved { identity: identity(n / 2) }),
        ),
        (1, 0) => of_person(sequence, n, PersonEvent::Suspended(person::Suspended { reason: None })),
        (1, 1) => of_person(sequence, n, PersonEvent::SignedOut(person::SignedOut {})),
        (1, _) => of_person(sequence, n, ended()),
        (2, 0) => of_invitation(sequence, 1, n, invited(n / 2)),
        (2, 1) => of_invitation(sequence, 1, n, withdrawn(n)),
        (2, _) => of_member(sequence, 1, n, joined(n, Role::Owner, Some(invitation_id(n)))),
        (3, 0) => of_member(sequence, 1, n, left(Some(u32::from(n)))),
        (3, 1) => unreadable(sequence, Subject::person(user(n))),
        (_, _) => unreadable(sequence, Subject::invitation(organization(1), invitation_id(n))),
    }
}

#[test]
fn a_person_is_found_by_each_identity_until_it_is_taken_away() {
    let link = PersonEvent::IdentityAdded(person::IdentityAdded { identity: identity(2) });
    let unlink = PersonEvent::IdentityRemoved(person::IdentityRemoved { identity: identity(1) });
    let directory = replayed(&[
        of_person(1, 1, added(identity(1))),
        of_person(2, 1, link),
        // Another one's is not taken over.
        of_person(3, 2, added(identity(1))),
        of_person(4, 1, unlink),
        of_person(5, 1, PersonEvent::SignedOut(person::SignedOut {})),
    ]);
    let by = |n| directory.person_by_identity(&identity(n).digest).map(|entry| entry.id);
    assert_eq!([by(1), by(2)], [None, Some(user(1))]);
    assert!(directory.person(user(2)).unwrap().identities.is_empty());
    let entry = directory.person(user(1)).unwrap();
    assert_eq!((entry.state, entry.signed_out), (PersonState::Active, 5));
    step(&directory, &of_person(6, 1, ended()));
    step(&directory, &of_person(7, 1, PersonEvent::Resumed(person::Resumed { reason: None })));
    assert_eq!(directory.person(user(1)).unwrap().state, PersonState::Ended);
    step(&directory, &of_person(8, 1, PersonEvent::Forgotten(person::Forgotten {})));
    assert_eq!(directory.forgotten_people(), [user(1)]);
}

#[test]
fn whose_reservation_can_not_be_read_is_closed() {
    let slug = Subject::slug(Owner::Installation, SlugKind::Identity, &identity(1).digest.slug());
    for before in [true, false] {
        let person = of_person(if before { 2 } else { 1 }, 1, added(identity(1)));
        let broken = unreadable(if before { 1 } else { 2 }, slug.clone());
        let reads = if before { [broken, person] } else { [person, broken] };
        assert_eq!(replayed(&reads).person(user(1)).unwrap().state, PersonState::Closed);
    }
}

#[test]
fn owners_and_those_who_left_are_counted() {
    let to_admin = MemberEvent::Changed(Changed {
        role: Role::Admin,
        scopes: "mcp:docs".parse().unwrap(),
        departure: Some(Departure::after(1)),
    });
    let directory = replayed(&[
        of_member(1, 1, 1, joined(1, Role::Owner, None)),
        of_member(2, 1, 2, joined(2, Role::Owner, None)),
        of_member(3, 1, 3, joined(3, Role::Owner, None)),
        of_member(4, 2, 1, joined(1, Role::Owner, None)),
        of_member(5, 1, 1, left(Some(0))),
        of_member(6, 1, 2, to_admin),
    ]);
    let id = MemberId::of(organization(1), user(3));
    let expected = OwnersOf { departures: 2, owners: vec![(id, user(3))] };
    assert_eq!(directory.owners_of(organization(1)), expected);
    assert_eq!(directory.owners_of(organization(2)).departures, 0);
    let states = |n| directory.member(organization(1), user(n)).map(|entry| (entry.state, entry.role));
    assert_eq!(states(1), Some((MemberState::Removed, Role::Owner)));
    assert_eq!(states(2), Some((MemberState::Active, Role::Admin)));
    assert_eq!(directory.memberships_of(user(1)).len(), 2);
}

#[test]
fn an_invitation_is_answered_from_memory_until_it_is_used() {
    let directory = replayed(&[
        of_invitation(1, 1, 1, invited(1)),
        of_invitation(2, 1, 2, invited(2)),
        of_member(3, 1, 1, joined(1, Role::Viewer, Some(invitation_id(1)))),
        of_invitation(4, 1, 2, withdrawn(2)),
        of_invitation(5, 2, 3, invited(3)),
        // Another organization's is not used by it.
        of_member(6, 1, 2, joined(2, Role::Viewer, Some(invitation_id(3)))),
    ]);
    let state = |n| directory.invitation_by_digest(&digest(n)).map(|entry| entry.state);
    let expected = [InvitationState::Accepted, InvitationState::Withdrawn, InvitationState::Open];
    assert_eq!([1, 2, 3].map(state), expected.map(Some));
    assert_eq!(state(4), None);
}
