//! What a sign-in does: finds or adds the person, links an identity, accepts an invitation. No page and no HTTP is in it;
//! whether the identity provider said all this is judged before.

use std::convert::Infallible;

use domain::key::secret::ParsedKey;
use domain::person::{self, Person, Profile};
use domain::{Authority, CommandError, Member, member};
use events::person::{Identity, IdentityDigest};
use events::sealed::Field;
use events::{Actor, Keyholder, MemberId, OrganizationId, Owner, Position, Role, Subject, Timestamp, UserId};
use projections::directory::{Directory, InvitationState, PersonState};
use serde::Serialize;

use super::{Commands, Failed, Object, Order, Sender, Wanted};
use crate::vault::{Peppers, VaultError};

/// What an identity provider says of a person.
#[derive(Clone, Default, Serialize)]
pub struct Said {
    pub email: Option<String>,
    /// Whether it says that the address is the person's.
    pub email_verified: bool,
    pub name: Option<String>,
    pub picture: Option<String>,
}

/// A person who signs in acts for themselves; one who is not known yet is added by the sign-in.
pub struct SigningIn {
    actor: Actor,
    authority: Authority,
}

/// Why somebody did not become a member by an invitation.
#[derive(Debug, thiserror::Error)]
pub enum NotAccepted {
    #[error("this is no invitation, or not all of one")]
    Malformed,
    /// Also one that was accepted, withdrawn or has expired: who guesses learns nothing.
    #[error("no such invitation, or it was used, withdrawn, or has ended: ask who sent it for another")]
    NoInvitation,
    #[error("the person is suspended or ended")]
    NoPerson,
    #[error(transparent)]
    Failed(#[from] Failed<member::Refusal, Infallible>),
}

/// What somebody has become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    pub organization: OrganizationId,
    pub role: Role,
    pub position: Position,
}

impl Sender for SigningIn {
    type Denied = Infallible;

    fn actor(&self) -> Actor {
        self.actor.clone()
    }

    fn authority(&self) -> Result<Authority, Infallible> {
        Ok(self.authority.clone())
    }
}

/// Whose an identity is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Found {
    pub person: UserId,
    /// Just now, with all that was said.
    pub added: bool,
}

impl Found {
    fn known(person: UserId) -> Self {
        Self { person, added: false }
    }
}

type Added = Result<Found, Failed<person::Refusal, Infallible>>;

/// What was said, sealed to the event that an order will make.
pub fn sealed<S>(order: &Order<Person, S>, said: &Said) -> Result<Profile, VaultError> {
    Ok(Profile {
        email: order.seal_some(Field::Email, said.email.as_deref())?,
        email_verified: said.email_verified,
        name: order.seal_some(Field::Name, said.name.as_deref())?,
        picture: order.seal_some(Field::Picture, said.picture.as_deref())?,
    })
}

impl Commands {
    /// Whose identity this is; where it is nobody's, a person is added who has it. Whether that person may sign in is
    /// for the caller to look at ([`PersonState`]): one who is ended keeps the identity, so that nobody comes back by
    /// signing in again.
    pub async fn person_of(&self, directory: &Directory, identity: &Identity, said: &Said) -> Added {
        if let Some(known) = directory.person_by_identity(&identity.digest) {
            return Ok(Found::known(known.id));
        }
        // What is followed here may lag, and two may sign in at once: the log says whose it is.
        if let Some(known) = self.holder(identity).await? {
            return Ok(Found::known(known));
        }
        let sender = SigningIn { actor: Actor::sign_in(), authority: Authority::Whole };
        let wanted = Wanted { operation: "people.sign_in", request: said, idempotency_key: None };
        let order = self.create_person(sender, &identity.digest, wanted).await;
        let added = match order {
            Ok(order) => {
                let (id, profile) = (UserId::new(order.id()), sealed(&order, said)?);
                let command = person::Command::Add { identity: *identity, profile };
                order.carry_out(command).await.map(|_| Found { person: id, added: true })
            }
            Err(failed) => Err(failed),
        };
        match added {
            Err(Failed::Command(CommandError::Refused(person::Refusal::IdentityTaken))) => {
                let known = self.holder(identity).await?;
                known
                    .map(Found::known)
                    .ok_or(Failed::Command(CommandError::Refused(person::Refusal::IdentityTaken)))
            }
            added => added,
        }
    }

    /// By the word of the log's leader. An identity that was taken away from its person leads to nobody.
    async fn holder(
        &self,
        identity: &Identity,
    ) -> Result<Option<UserId>, Failed<person::Refusal, Infallible>> {
        let dispatcher = &self.0.parts.dispatcher;
        let Some(id) = dispatcher.holder_of(&identity.digest).await.map_err(Failed::Command)? else {
            return Ok(None);
        };
        let loaded = dispatcher.load::<Person>(&Subject::person(id)).await.map_err(Failed::Command)?;
        let has = loaded.state().known().is_some_and(|known| known.identities.contains(identity));
        if has {
            Ok(Some(id))
        } else {
            Err(Failed::Command(CommandError::Refused(person::Refusal::IdentityTaken)))
        }
    }

    /// The identity of this digest, where it is this person's, by the word of the log's leader.
    pub async fn identity_of(
        &self,
        person: UserId,
        digest: IdentityDigest,
    ) -> Result<Option<Identity>, CommandError<person::Refusal>> {
        let loaded = self.0.parts.dispatcher.load::<Person>(&Subject::person(person)).await?;
        let known = loaded.state().known();
        Ok(known.and_then(|known| known.identities.iter().find(|it| it.digest == digest).copied()))
    }

    /// The identity provider says something else of the person than before.
    pub async fn change_profile(
        &self,
        person: UserId,
        said: &Said,
    ) -> Result<(), Failed<person::Refusal, Infallible>> {
        self.change_person(person, "people.profile", said, |order| {
            Ok(person::Command::ChangeProfile { profile: sealed(order, said)? })
        })
        .await
    }

    async fn change_person<R: Serialize + Sync>(
        &self,
        person: UserId,
        operation: &'static str,
        request: &R,
        command: impl FnOnce(&Order<Person, SigningIn>) -> Result<person::Command, VaultError> + Send,
    ) -> Result<(), Failed<person::Refusal, Infallible>> {
        let sender = SigningIn { actor: Actor::User(person), authority: Authority::Whole };
        let subject = Subject::person(person);
        let object = Object {
            id: person.uuid(),
            subject,
            keyholder: Keyholder::Person(person),
            ids: vec![person.to_string()],
        };
        let wanted = Wanted { operation, request, idempotency_key: None };
        let order = self.change::<Person, _, _>(sender, object, wanted).await?;
        let command = command(&order)?;
        order.carry_out(command).await.map(drop)
    }

    /// Makes a person a member by what an invitation's link holds: the link itself, or its part after `#`.
    pub async fn accept(
        &self,
        directory: &Directory,
        peppers: &Peppers,
        person: UserId,
        given: &str,
    ) -> Result<Accepted, NotAccepted> {
        let code = given.trim().rsplit('#').next().unwrap_or_default();
        let code = ParsedKey::parse(code).map_err(|_| NotAccepted::Malformed)?;
        let found = peppers.find(&code, |digest| directory.invitation_by_digest(&digest.bytes));
        let now: Timestamp = self.0.parts.clock.now();
        let invitation = found
            .filter(|entry| entry.state == InvitationState::Open && now < entry.expires_at)
            .ok_or(NotAccepted::NoInvitation)?;
        if directory.person(person).is_none_or(|entry| entry.state != PersonState::Active) {
            return Err(NotAccepted::NoPerson);
        }
        // Who invites gives what they hold; who accepts gives no more than that.
        let authority = Authority::Scopes(invitation.role.scopes());
        let sender = SigningIn { actor: Actor::User(person), authority };
        let organization = invitation.organization;
        let owner = Owner::Organization(organization);
        let id = MemberId::of(organization, person);
        let object = Object {
            id: id.uuid(),
            subject: Subject::member(organization, id),
            keyholder: owner.into(),
            ids: vec![owner.to_string(), person.to_string()],
        };
        let request = invitation.id;
        let wanted = Wanted { operation: "invitations.accept", request: &request, idempotency_key: None };
        let order = self.change::<Member, _, _>(sender, object, wanted).await?;
        let command = member::Command::Add {
            person,
            role: invitation.role,
            scopes: (*invitation.scopes).clone(),
            invitation: Some(invitation.id),
        };
        match order.carry_out(command).await {
            Ok(done) => Ok(Accepted { organization, role: invitation.role, position: done.position }),
            Err(Failed::Command(CommandError::Refused(member::Refusal::InvitationSpent))) => {
                Err(NotAccepted::NoInvitation)
            }
            Err(failed) => Err(failed.into()),
        }
    }
}
