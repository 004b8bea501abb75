//! People, members and invitations: one history gives the same aggregate, directory entry and row.

use std::collections::BTreeSet;

use domain::{Decide, Facts, Invitation, Member, OtherOwners, Person, Standing, invitation, member, person};
use events::clock::{Clock, SystemClock};
use events::member::Departure;
use events::person::{Identity, IdentityDigest};
use events::{
    InvitationId, IssuerId, MemberId, OrganizationId, Role, SealedText, SecretId, Subject, Timestamp, UserId,
};
use projections::directory::{self, Directory};
use projections::postgres::{self, member as members, person as people};
use proptest::prelude::*;

use crate::stage::{Stage, Tape, created, issue, sealed, uuid};

#[derive(Clone, Debug)]
enum Ask {
    Person(person::Command),
    Member(member::Command),
    Invitation(invitation::Command),
}

fn identity(n: u8) -> Identity {
    Identity { issuer: IssuerId::new(uuid::Uuid::from_u128(1)), digest: IdentityDigest([n; 20]) }
}

fn profile() -> impl Strategy<Value = person::Profile> {
    (prop::option::of(text()), prop::option::of(text()), any::<bool>()).prop_map(
        |(email, name, email_verified)| person::Profile {
            email,
            email_verified,
            name,
            picture: Some(sealed("https://pictures.example/1")),
        },
    )
}

fn text() -> impl Strategy<Value = SealedText> {
    (0usize..3).prop_map(|n| sealed(["one", "two", "three"][n]))
}

fn reason() -> impl Strategy<Value = Option<SealedText>> {
    prop::option::of(text())
}

fn role() -> impl Strategy<Value = Role> {
    prop::sample::select(Role::ALL.to_vec())
}

/// Of the person, the member and the invitation with these ids.
fn asks(user: UserId, invited: InvitationId) -> impl Strategy<Value = Vec<Ask>> {
    use invitation::Command as OfInvitation;
    use member::Command as OfMember;
    use person::Command as OfPerson;
    let persons = prop_oneof![
        3 => profile().prop_map(|profile| OfPerson::Add { identity: identity(1), profile }),
        2 => (1u8..4).prop_map(|n| OfPerson::AddIdentity { identity: identity(n) }),
        1 => (1u8..4).prop_map(|n| OfPerson::RemoveIdentity { identity: identity(n) }),
        2 => profile().prop_map(|profile| OfPerson::ChangeProfile { profile }),
        1 => reason().prop_map(|reason| OfPerson::Suspend { reason }),
        1 => reason().prop_map(|reason| OfPerson::Resume { reason }),
        1 => Just(OfPerson::SignOut),
        1 => reason().prop_map(|reason| OfPerson::End { reason }),
        1 => Just(OfPerson::Forget),
    ];
    let scopes = || prop::sample::select(vec!["mcp:*", "mcp:docs"]).prop_map(|text| text.parse().unwrap());
    let members = prop_oneof![
        3 => (role(), scopes(), any::<bool>()).prop_map(move |(role, scopes, by)| OfMember::Add {
            person: user,
            role,
            scopes,
            invitation: by.then_some(invited),
        }),
        2 => (prop::option::of(role()), prop::option::of(scopes())).prop_map(|(role, scopes)| OfMember::Change {
            role,
            scopes,
            leave_without_owner: true,
        }),
        1 => reason().prop_map(|reason| OfMember::Remove { reason, leave_without_owner: true }),
    ];
    let invitations = prop_oneof![
        2 => (role(), scopes(), reason()).prop_map(|(role, scopes, name)| {
            let later = SystemClock.now().unix_millis() + 60_000;
            OfInvitation::Create(Box::new(invitation::Create {
                role,
                scopes,
                secret_id: SecretId::new(uuid()),
                digest: issue("a key").digest,
                expires_at: Timestamp::from_unix_millis(later).unwrap(),
                email: name.clone(),
                name,
            }))
        }),
        1 => reason().prop_map(move |reason| OfInvitation::Withdraw { invitation: invited, reason }),
    ];
    prop::collection::vec(
        prop_oneof![
            3 => persons.prop_map(Ask::Person),
            2 => members.prop_map(Ask::Member),
            2 => invitations.prop_map(Ask::Invitation),
        ],
        0..40,
    )
}

struct World {
    tape: Tape,
    organization: OrganizationId,
    person: (UserId, Person),
    member: Member,
    invitation: (InvitationId, Invitation),
    departures: u32,
    /// Who came by the invitation.
    accepted: bool,
}

impl World {
    fn ask(&mut self, ask: &Ask) {
        let (user, invited) = (self.person.0, self.invitation.0);
        match ask {
            Ask::Person(command) => {
                let facts = self.facts(Standing::Installation);
                decide(&mut self.tape, &mut self.person.1, &Subject::person(user), command, &facts);
            }
            Ask::Member(command) => {
                let by_invitation = matches!(command, member::Command::Add { invitation: Some(_), .. });
                let open = self.invitation.1.known().is_some_and(|known| !known.withdrawn);
                // The log lets an invitation come to one thing.
                if by_invitation && (self.accepted || !open) {
                    return;
                }
                let subject = Subject::member(self.organization, MemberId::of(self.organization, user));
                let was_owner = self.member.is_owner();
                let facts = self.facts(Standing::Active);
                let changed = decide(&mut self.tape, &mut self.member, &subject, command, &facts);
                self.accepted |= changed && by_invitation;
                self.departures += u32::from(was_owner && !self.member.is_owner());
            }
            Ask::Invitation(command) => {
                if self.accepted && matches!(command, invitation::Command::Withdraw { .. }) {
                    return;
                }
                let subject = Subject::invitation(self.organization, invited);
                let facts = self.facts(Standing::Active);
                decide(&mut self.tape, &mut self.invitation.1, &subject, command, &facts);
            }
        }
    }

    fn facts(&self, owner: Standing) -> Facts {
        Facts {
            now: SystemClock.now(),
            owner,
            bootstrapped: true,
            authority: domain::Authority::Whole,
            other_owners: Some(OtherOwners { departure: Departure::after(self.departures), remain: false }),
        }
    }
}

fn decide<A: Decide>(
    tape: &mut Tape,
    state: &mut A,
    subject: &Subject,
    command: &A::Command,
    facts: &Facts,
) -> bool {
    let decided = state.decide(command, facts).unwrap_or_default();
    for event in &decided {
        assert!(state.admits(event), "{event:?}");
        state.apply(event);
        tape.add(subject, event.clone().into());
    }
    !decided.is_empty()
}

#[test]
fn one_history_gives_the_same_everywhere() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stage = runtime.block_on(Stage::new());
    let (user, invited) = (UserId::new(uuid()), InvitationId::new(uuid()));
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(48));
    runner
        .run(&asks(user, invited), |asks| {
            let mut world = World {
                tape: Tape::new(),
                organization: OrganizationId::new(uuid()),
                person: (user, Person::default()),
                member: Member::default(),
                invitation: (invited, Invitation::default()),
                departures: 0,
                accepted: false,
            };
            let organization = Subject::organization(world.organization);
            world.tape.add(&organization, created("acme"));
            asks.iter().for_each(|ask| world.ask(ask));
            runtime.block_on(agree(&world, &stage));
            Ok(())
        })
        .unwrap();
}

async fn agree(world: &World, stage: &Stage) {
    let directory = Directory::new();
    for message in &world.tape.messages {
        directory.apply(&message.read(world.tape.log));
    }
    stage.empty().await;
    let mut from = None;
    stage.projector().project(world.tape.log, &mut from, &world.tape.messages).await.unwrap();
    person_agrees(world, stage, &directory).await;
    member_agrees(world, stage, &directory).await;
    invitation_agrees(world, stage, &directory).await;
    assert_eq!(directory.owners_of(world.organization).departures, world.departures);
}

async fn person_agrees(world: &World, stage: &Stage, directory: &Directory) {
    let (id, state) = &world.person;
    let row = people::get(&stage.pool, *id).await.unwrap();
    let entry = directory.person(*id);
    let Some(known) = state.known() else {
        assert!(row.is_none() && entry.is_none());
        return;
    };
    let (row, entry) = (row.unwrap(), entry.unwrap());
    let (in_row, in_entry) = match known.state {
        person::State::Active => (people::PersonState::Active, directory::PersonState::Active),
        person::State::Suspended => (people::PersonState::Suspended, directory::PersonState::Suspended),
        person::State::Ended => (people::PersonState::Ended, directory::PersonState::Ended),
        person::State::Forgotten => (people::PersonState::Forgotten, directory::PersonState::Forgotten),
    };
    assert_eq!((row.state, entry.state), (in_row, in_entry));
    let of = |identities: &[Identity]| identities.iter().copied().collect::<BTreeSet<_>>();
    assert_eq!(
        (of(&row.identities), of(&entry.identities)),
        (known.identities.clone(), known.identities.clone())
    );
    for n in 1..4 {
        let found = directory.person_by_identity(&identity(n).digest).is_some();
        assert_eq!(found, known.identities.contains(&identity(n)));
    }
    if known.state == person::State::Forgotten {
        assert_eq!((row.name, row.email, row.picture), (None, None, None));
        let sql =
            "SELECT count(*) FROM history WHERE aggregate_type = 'person' AND texts::text LIKE '%\": \"%'";
        let left: i64 = sqlx::query_scalar(sql).fetch_one(stage.pool.inner()).await.unwrap();
        assert_eq!(left, 0, "what is forgotten is nowhere");
    }
}

async fn member_agrees(world: &World, stage: &Stage, directory: &Directory) {
    let (organization, user) = (world.organization, world.person.0);
    let row = members::get(&stage.pool, MemberId::of(organization, user)).await.unwrap();
    let entry = directory.member(organization, user);
    let Some(known) = world.member.known() else {
        assert!(row.is_none() && entry.is_none());
        return;
    };
    let (row, entry) = (row.unwrap().row, entry.unwrap());
    let (in_row, in_entry) = match known.removed {
        true => (members::MemberState::Removed, directory::MemberState::Removed),
        false => (members::MemberState::Active, directory::MemberState::Active),
    };
    assert_eq!((row.state, entry.state), (in_row, in_entry));
    assert_eq!((row.person, entry.person), (user, user));
    assert_eq!((row.role, entry.role), (known.role, known.role));
    assert_eq!((&row.scopes, &*entry.scopes), (&known.scopes, &known.scopes));
}

async fn invitation_agrees(world: &World, stage: &Stage, directory: &Directory) {
    use projections::postgres::invitation::InvitationState as InRow;
    let (id, state) = &world.invitation;
    let row = postgres::invitation::get(&stage.pool, world.organization, *id).await.unwrap();
    let entry = directory.invitation(*id);
    let Some(known) = state.known() else {
        assert!(row.is_none() && entry.is_none());
        return;
    };
    let (row, entry) = (row.unwrap(), entry.unwrap());
    let (in_row, in_entry) = match (known.withdrawn, world.accepted) {
        (true, _) => (InRow::Withdrawn, directory::InvitationState::Withdrawn),
        (false, true) => (InRow::Accepted, directory::InvitationState::Accepted),
        (false, false) => (InRow::Open, directory::InvitationState::Open),
    };
    assert_eq!((row.state, entry.state), (in_row, in_entry));
    assert_eq!(row.person, world.accepted.then_some(world.person.0));
    assert_eq!((row.expires_at, entry.expires_at), (known.expires_at, known.expires_at));
    assert_eq!(directory.invitation_by_digest(&entry.digest), Some(entry));
}
