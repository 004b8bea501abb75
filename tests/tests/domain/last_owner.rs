//! The last owner of an organization stays, whoever takes the others away, and when.

use std::sync::Arc;

use domain::dispatch::{OrganizationOwners, Owning};
use domain::{CommandError, Member, Person, member, person};
use events::person::{Identity, IdentityDigest};
use events::{IssuerId, MemberId, OrganizationId, Role, Subject, UserId};
use keyledger_tests::servers::Nats;

use crate::setting::{Admin, context, uuid, with_organization};

/// What a process knows that follows nothing any more.
struct Known(OrganizationOwners);

impl Owning for Known {
    fn owners(&self, _: OrganizationId) -> OrganizationOwners {
        self.0.clone()
    }
}

async fn owner(admin: &Admin, organization: OrganizationId) -> UserId {
    let id = UserId::new(uuid());
    let mut digest = [0; 20];
    digest[..16].copy_from_slice(id.uuid().as_bytes());
    let identity = Identity { issuer: IssuerId::new(uuid()), digest: IdentityDigest(digest) };
    let add = person::Command::Add { identity, profile: person::Profile::default() };
    admin.dispatcher.execute::<Person>(&Subject::person(id), &add, &context()).await.unwrap();
    let add = member::Command::Add {
        person: id,
        role: Role::Owner,
        scopes: "mcp:*".parse().unwrap(),
        invitation: None,
    };
    admin.dispatcher.execute::<Member>(&at(organization, id), &add, &context()).await.unwrap();
    id
}

fn at(organization: OrganizationId, person: UserId) -> Subject {
    Subject::member(organization, MemberId::of(organization, person))
}

/// A control process of its own, which knows these owners, and that so many have left.
async fn control(nats: &Nats, organization: OrganizationId, owners: &[UserId], departures: u32) -> Admin {
    let members = owners.iter().map(|id| (MemberId::of(organization, *id), *id)).collect();
    let known = Known(OrganizationOwners { departures, members });
    let Admin { log, dispatcher, writer } = Admin::new(nats).await;
    Admin { log, dispatcher: dispatcher.with_owning(Arc::new(known)), writer }
}

#[tokio::test]
async fn of_two_owners_who_are_taken_away_at_once_one_stays() {
    let (nats, admin, organization) = with_organization().await;
    let remove = member::Command::Remove { reason: None, leave_without_owner: false };
    let demote =
        member::Command::Change { role: Some(Role::Viewer), scopes: None, leave_without_owner: false };
    for round in 0..10 {
        let owners = [owner(&admin, organization).await, owner(&admin, organization).await];
        let one = control(&nats, organization, &owners, round * 2).await;
        let two = control(&nats, organization, &owners, round * 2).await;
        let (first, second) = (at(organization, owners[0]), at(organization, owners[1]));
        let (context_one, context_two) = (context(), context());
        let (removed, demoted) = tokio::join!(
            one.dispatcher.execute::<Member>(&first, &remove, &context_one),
            two.dispatcher.execute::<Member>(&second, &demote, &context_two),
        );
        let refused = |outcome: &Result<_, CommandError<member::Refusal>>| {
            matches!(outcome, Err(CommandError::Refused(member::Refusal::LastOwner)))
        };
        assert_eq!(u8::from(removed.is_ok()) + u8::from(demoted.is_ok()), 1, "{removed:?} {demoted:?}");
        assert!(refused(&removed) || refused(&demoted), "{removed:?} {demoted:?}");
        // Where that is asked for, the last one goes as well, and is counted.
        let left = if removed.is_ok() { second } else { first };
        let anyway = member::Command::Remove { reason: None, leave_without_owner: true };
        let known = control(&nats, organization, &owners, round * 2 + 1).await;
        known.dispatcher.execute::<Member>(&left, &anyway, &context()).await.unwrap();
    }
}

/// Who is ended owns nothing, whatever the process at hand knows.
#[tokio::test]
async fn an_owner_who_is_ended_is_no_other_owner() {
    let (nats, admin, organization) = with_organization().await;
    let owners = [owner(&admin, organization).await, owner(&admin, organization).await];
    let end = person::Command::End { reason: None };
    admin.dispatcher.execute::<Person>(&Subject::person(owners[1]), &end, &context()).await.unwrap();
    let control = control(&nats, organization, &owners, 0).await;
    let remove = member::Command::Remove { reason: None, leave_without_owner: false };
    let told = control.dispatcher.execute::<Member>(&at(organization, owners[0]), &remove, &context()).await;
    assert!(matches!(told, Err(CommandError::Refused(member::Refusal::LastOwner))), "{told:?}");
}

/// An invitation makes one member, or is withdrawn: of those who decide it at once one does.
#[tokio::test]
async fn an_invitation_comes_to_one_thing() {
    let (nats, admin, organization) = with_organization().await;
    let other = Admin::new(&nats).await;
    for _round in 0..10 {
        let people = [owner(&admin, organization).await, owner(&admin, organization).await];
        let invitation = events::InvitationId::new(uuid());
        let accept = |person: UserId| member::Command::Add {
            person,
            role: Role::Viewer,
            scopes: "mcp:*".parse().unwrap(),
            invitation: Some(invitation),
        };
        let organization = OrganizationId::new(people[0].uuid());
        admin.create(organization, &format!("o-{}", organization.uuid().simple())).await.unwrap();
        let (one, two) = (accept(people[0]), accept(people[1]));
        let (first, second) = (at(organization, people[0]), at(organization, people[1]));
        let (context_one, context_two) = (context(), context());
        let (one, two) = tokio::join!(
            admin.dispatcher.execute::<Member>(&first, &one, &context_one),
            other.dispatcher.execute::<Member>(&second, &two, &context_two),
        );
        assert_eq!(u8::from(one.is_ok()) + u8::from(two.is_ok()), 1, "{one:?} {two:?}");
        let spent = |outcome: &Result<_, CommandError<member::Refusal>>| {
            matches!(outcome, Err(CommandError::Refused(member::Refusal::InvitationSpent)))
        };
        assert!(spent(&one) || spent(&two), "{one:?} {two:?}");
        // Not even who came by it comes by it again.
        let (person, subject) = if one.is_ok() { (people[0], first) } else { (people[1], second) };
        let remove = member::Command::Remove { reason: None, leave_without_owner: false };
        admin.dispatcher.execute::<Member>(&subject, &remove, &context()).await.unwrap();
        let again = admin.dispatcher.execute::<Member>(&subject, &accept(person), &context()).await;
        assert!(spent(&again), "{again:?}");
    }
}
