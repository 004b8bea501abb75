//! From a request to a command, and from what it came to to an answer. `crate::command` makes it and carries it out.

use std::sync::Arc;

use axum::Json;
use axum::extract::FromRequestParts;
use domain::aggregate::Decide;
use domain::dispatch::CommandError;
use domain::organization::Organization;
use domain::person::{Person, Profile};
use domain::readers::Unreadable;
use domain::{Authority, Done, Installation};
use events::person::IdentityDigest;
use events::sealed::Field;
use events::{Actor, InstallationId, Keyholder, Owner, SealedText, Slug, Subject};
use http::request::Parts;
use serde::Serialize;
use uuid::Uuid;

use super::ApiState;
use super::guard::{Admin, Allowed, OwnedPath, Permission, Permitted};
use super::idempotency::IdempotencyKey;
use super::wait::{Asker, PositionFrom, Wait};
use super::written::Written;
use crate::command::{self, Failed, NoRoom, Said, Sender, Takes, Wanted};
use crate::problem::{Kind, Problem};
use crate::vault::VaultError;

/// A command as it was asked for, before its body is read.
pub struct Asked<G> {
    pub api: ApiState,
    /// Who asks, and what lets it.
    pub by: G,
    idempotency: IdempotencyKey,
    wait: Option<Wait>,
}

/// A path that names one object, which commands change.
pub trait Object: OwnedPath + Sync {
    type Aggregate: Takes<Command: 'static, Refusal: Into<Problem>>;

    fn id(&self) -> Uuid;

    fn subject(&self) -> Subject;

    /// The ids in the path. They are part of every fingerprint, so they stay the same for ever.
    fn ids(&self) -> Vec<String>;
}

/// A command that is being made ready.
pub struct Order<A> {
    api: ApiState,
    asker: Asker,
    order: command::Order<A, ByAdmin>,
    wait: Option<Wait>,
}

/// What a command came to.
pub struct Executed<A> {
    /// The aggregate's state now.
    pub state: A,
    pub written: Written,
}

/// An admin key as a command's sender: it keeps its place among its owner's requests until the command has ended.
struct ByAdmin {
    api: ApiState,
    admin: Admin,
}

impl Sender for ByAdmin {
    type Denied = Problem;

    fn actor(&self) -> Actor {
        self.admin.actor()
    }

    /// Reading the body and asking the vaults took time in which the key may have been revoked or narrowed.
    fn authority(&self) -> Result<Authority, Problem> {
        Ok(Authority::Scopes(Arc::clone(self.admin.again(&self.api)?.scopes())))
    }
}

impl<G> FromRequestParts<ApiState> for Asked<G>
where
    G: FromRequestParts<ApiState, Rejection = Problem> + Send,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &ApiState) -> Result<Self, Problem> {
        let by = G::from_request_parts(parts, api).await?;
        let idempotency = IdempotencyKey::from_request_parts(parts, api).await?;
        let wait = Wait::of_command(parts, api).await?;
        Ok(Self { api: api.clone(), by, idempotency, wait })
    }
}

impl<P: Permission, T: Object> Asked<Allowed<P, T>> {
    /// Makes ready a change of the object that the path names.
    pub async fn order<R: Serialize + Sync>(
        self,
        operation: &'static str,
        request: &R,
    ) -> Result<Order<T::Aggregate>, Problem> {
        let keyholder = Keyholder::of(&self.by.at.subject());
        self.order_of(keyholder, operation, request).await
    }

    /// The same under another's key than the object's own.
    pub async fn order_of<R: Serialize + Sync>(
        self,
        keyholder: impl Into<Keyholder> + Send,
        operation: &'static str,
        request: &R,
    ) -> Result<Order<T::Aggregate>, Problem> {
        let Self { api, by: Allowed { admin, at, .. }, idempotency, wait } = self;
        let keyholder = keyholder.into();
        let object = command::Object { id: at.id(), subject: at.subject(), keyholder, ids: at.ids() };
        let wanted = Wanted { operation, request, idempotency_key: idempotency.as_str() };
        let asker = Asker::of(&admin);
        let order = api.commands.change(ByAdmin { api: api.clone(), admin }, object, wanted).await;
        Ok(Order { order: order.map_err(problem)?, api, asker, wait })
    }
}

impl<P: Permission, T: OwnedPath> Asked<Allowed<P, T>> {
    /// The same about something that belongs to the same owner.
    pub fn at<U>(self, below: impl FnOnce(T) -> U) -> Asked<Allowed<P, U>> {
        let Self { api, by, idempotency, wait } = self;
        Asked { api, by: by.at(below), idempotency, wait }
    }

    /// Makes ready the creation of something that belongs to the path's owner; `subject` is where it will lie.
    pub async fn order_new<A, R>(
        self,
        operation: &'static str,
        request: &R,
        subject: impl FnOnce(Uuid) -> Subject + Send,
    ) -> Result<Order<A>, Problem>
    where
        A: Decide<Refusal: Into<Problem>>,
        R: Serialize + Sync,
    {
        let Self { api, by: Allowed { admin, at, .. }, idempotency, wait } = self;
        let wanted = Wanted { operation, request, idempotency_key: idempotency.as_str() };
        let asker = Asker::of(&admin);
        let sender = ByAdmin { api: api.clone(), admin };
        let order = api.commands.create(sender, at.owner(), subject, wanted).await;
        Ok(Order { order: order.map_err(problem)?, api, asker, wait })
    }
}

impl<P: Permission> Asked<Permitted<P>> {
    /// Makes ready the command that creates an organization.
    pub async fn order_organization<R: Serialize + Sync>(
        self,
        operation: &'static str,
        request: &R,
        slug: &Slug,
    ) -> Result<Order<Organization>, Problem> {
        let Self { api, by: Permitted { admin, .. }, idempotency, wait } = self;
        let wanted = Wanted { operation, request, idempotency_key: idempotency.as_str() };
        let asker = Asker::of(&admin);
        let sender = ByAdmin { api: api.clone(), admin };
        let order = api.commands.create_organization(sender, slug, wanted).await;
        Ok(Order { order: order.map_err(problem)?, api, asker, wait })
    }
}

impl<P: Permission> Asked<Permitted<P>> {
    /// Makes ready the command that adds a person.
    pub async fn order_person<R: Serialize + Sync>(
        self,
        operation: &'static str,
        request: &R,
        identity: &IdentityDigest,
    ) -> Result<Order<Person>, Problem> {
        let Self { api, by: Permitted { admin, .. }, idempotency, wait } = self;
        let wanted = Wanted { operation, request, idempotency_key: idempotency.as_str() };
        let asker = Asker::of(&admin);
        let sender = ByAdmin { api: api.clone(), admin };
        let order = api.commands.create_person(sender, identity, wanted).await;
        Ok(Order { order: order.map_err(problem)?, api, asker, wait })
    }
}

impl Order<Person> {
    /// What is known of a person, sealed.
    pub fn profile(&self, said: &Said) -> Result<Profile, Problem> {
        command::sealed(&self.order, said).map_err(|error| vault(&error))
    }
}

impl<P: Permission> Asked<Permitted<P>> {
    /// Makes ready a change of the installation itself.
    pub async fn order_installation<R: Serialize + Sync>(
        self,
        operation: &'static str,
        request: &R,
    ) -> Result<Order<Installation>, Problem> {
        let Self { api, by: Permitted { admin, .. }, idempotency, wait } = self;
        let subject = api.directory.signers().now().installation().cloned();
        let subject = subject.ok_or_else(|| Problem::not_ready("nothing of the log is known yet"))?;
        let id = InstallationId::try_from(&subject.aggregate_id).map_err(|_| Problem::internal())?.uuid();
        let object = command::Object { id, subject, keyholder: Owner::Installation.into(), ids: vec![] };
        let wanted = Wanted { operation, request, idempotency_key: idempotency.as_str() };
        let asker = Asker::of(&admin);
        let order = api.commands.change(ByAdmin { api: api.clone(), admin }, object, wanted).await;
        Ok(Order { order: order.map_err(problem)?, api, asker, wait })
    }
}

impl<A> Order<A> {
    pub fn id(&self) -> Uuid {
        self.order.id()
    }

    /// Seals a text to the field of the event that the command will make.
    pub fn seal(&self, field: Field, text: &str) -> Result<SealedText, Problem> {
        self.order.seal(field, text).map_err(|error| vault(&error))
    }

    /// The same for a text that may be absent.
    pub fn seal_some(&self, field: Field, text: Option<&str>) -> Result<Option<SealedText>, Problem> {
        self.order.seal_some(field, text).map_err(|error| vault(&error))
    }
}

impl<A> Order<A>
where
    A: Takes<Command: 'static, Refusal: Into<Problem>>,
{
    /// Carries a change out and answers it.
    pub async fn carry_out(self, command: A::Command) -> Result<Json<Written>, Problem> {
        Ok(Json(self.execute(command).await?.written))
    }

    /// Carries the command out, also when the client goes away. Then it waits for the fleet, if that was asked for.
    pub async fn execute(self, command: A::Command) -> Result<Executed<A>, Problem> {
        let Self { api, asker, order, wait } = self;
        let id = order.id();
        let done: Done<A> = order.carry_out(command).await.map_err(problem)?;
        if done.changed {
            api.fleet.acknowledged(done.position);
        }
        let mut written = Written::new(id, &done);
        if let Some(wait) = wait {
            written.fleet =
                Some(api.prove(asker, &wait, &done.position, PositionFrom::Acknowledged, |_| false).await);
        }
        Ok(Executed { state: done.state, written })
    }
}

/// What making a command and carrying it out can meet.
fn problem<R: std::error::Error + Into<Problem>>(failed: Failed<R, Problem>) -> Problem {
    match failed {
        Failed::Denied(problem) => problem,
        Failed::NoOwner => Problem::not_found(),
        Failed::Vault(error) => vault(&error),
        Failed::NoRoom(no_room) => full(&no_room),
        Failed::Command(error) => told(error),
        Failed::Request(_) | Failed::Broken(_) => {
            tracing::error!(error = %failed, "a command was not carried out");
            Problem::internal()
        }
    }
}

fn full(NoRoom { what, held, asked, bound, setting }: &NoRoom) -> Problem {
    Problem::new(
        Kind::OrganizationFull,
        format!(
            "The organization holds {held} {what}, this asks for {asked} more, and one may have {bound}. Revoke keys, \
             remove servers or narrow scopes that nobody needs; whoever runs the installation can raise `{setting}`."
        ),
    )
}

/// What any command can meet.
pub fn told<R: std::error::Error + Into<Problem>>(error: CommandError<R>) -> Problem {
    match error {
        CommandError::Refused(refusal) => refusal.into(),
        CommandError::OtherCommand => Problem::new(Kind::IdempotencyKeyReused, "This Idempotency-Key was sent before with another request. Draw a new one for each command, and send \
             the same one only to repeat the same request.",
        )
        .at(super::idempotency::HEADER),
        CommandError::Conflict => Problem::new(Kind::Conflict, "Others changed the same thing again and again while this was decided. Nothing was changed; ask again.",
        )
        .retry_after(1),
        CommandError::Unavailable(cause) => {
            tracing::warn!(cause, "a command could not reach the log");
            unavailable()
        }
        CommandError::OutcomeUnknown(cause) => {
            tracing::warn!(cause, "a command's outcome is unknown");
            outcome_unknown()
        }
        CommandError::Closed(cause) => Problem::new(Kind::Closed, format!(
                "Its history holds an event that can't be read, so nothing is decided on it here: {cause}."
            ),
        ),
        CommandError::Unreadable(Unreadable::TooOld(too_old)) => Problem::new(Kind::FleetTooOld, format!(
                "The command would write version {} of {}, which {} can't read: it would refuse what the command is \
                 about. Nothing was changed. Upgrade that process, or end it, and ask again; `GET /api/v1/fleet` \
                 shows what each reads.",
                too_old.version, too_old.kind, too_old.reader
            ),
        )
        .retry_after(30),
        CommandError::Unreadable(why @ Unreadable::NotKnown) => Problem::not_ready(why),
        CommandError::Busy => Problem::busy_with_you(),
        CommandError::Full { size, bound } => Problem::new(
            Kind::HistoryFull,
            format!(
                "The history of this holds {} events of {} bytes, and may hold {} events or {} bytes: each command on it \
                 reads all of it. Whatever takes away (revoke, disable, narrow, suspend, remove) goes on. Make a new one \
                 in its place, and change it less often.",
                size.messages, size.bytes, bound.messages, bound.bytes
            ),
        ),
        CommandError::NotBootstrapped => Problem::not_ready("no installation lives in this log yet"),
    }
}

pub fn unavailable() -> Problem {
    Problem::new(Kind::Unavailable, "The event log does not answer. Nothing was changed; ask again.")
        .retry_after(2)
}

pub fn outcome_unknown() -> Problem {
    Problem::new(Kind::OutcomeUnknown, "The event log took the command and did not answer. Ask again with the same Idempotency-Key: the answer \
         tells whether it was done, and it is never done twice.",
    )
    .retry_after(2)
}

pub fn vault(error: &VaultError) -> Problem {
    tracing::warn!(error = %error, "the vault did not answer");
    unavailable()
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;

    use super::*;

    #[tokio::test]
    async fn a_command_that_panicked_is_answered_and_says_nothing_of_why() {
        let mut tasks: JoinSet<()> = JoinSet::new();
        tasks.spawn(async { panic!("what nobody is told") });
        let broken = tasks.join_next().await.unwrap().unwrap_err();
        let problem = problem::<domain::key::Refusal>(Failed::Broken(broken));
        assert_eq!((problem.status, problem.name()), (500, "internal"));
        assert!(!serde_json::to_string(&problem).unwrap().contains("nobody is told"));
    }
}
