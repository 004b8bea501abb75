//! From a request to a command: its ids, its fingerprint, its sealed texts, and its run to the end.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::Json;
use axum::extract::FromRequestParts;
use domain::aggregate::Decide;
use domain::command_id;
use domain::context::Context;
use domain::dispatch::CommandError;
use domain::organization::{Organization, Refusal};
use domain::readers::Unreadable;
use events::clock::uuid_v7;
use events::sealed::{Field, SealedField};
use events::{CommandId, EventId, OrganizationId, Owner, ScopeSet, SealedText, Slug, Subject};
use http::request::Parts;
use serde::Serialize;
use uuid::Uuid;

use super::ApiState;
use super::guard::{Admin, Allowed, Permission, Permitted, Place};
use super::idempotency::{IdempotencyKey, canonical};
use super::wait::{Asker, PositionFrom, Wait};
use super::written::Written;
use crate::problem::{Kind, Problem};
use crate::vault::{SealingKey, VaultError};

/// A command as it was asked for, before its body is read.
pub struct Asked<G> {
    pub api: ApiState,
    /// Who asks, and what lets it.
    pub by: G,
    idempotency: IdempotencyKey,
    wait: Option<Wait>,
}

/// A path that names one object, which commands change.
pub trait Object: Place + Sync {
    type Aggregate: Decide<Command: 'static, Refusal: Into<Problem>>;

    fn id(&self) -> Uuid;

    fn subject(&self) -> Subject;

    /// The ids in the path. They are part of every fingerprint, so they stay the same for ever.
    fn ids(&self) -> Vec<String>;
}

/// A command that is being made ready.
pub struct Order<A> {
    api: ApiState,
    admin: Admin,
    /// Scopes that the command gives to a key.
    gives: Option<ScopeSet>,
    /// Of what is created or changed.
    id: Uuid,
    subject: Subject,
    context: Context,
    sealing: Arc<SealingKey>,
    wait: Option<Wait>,
    aggregate: PhantomData<fn() -> A>,
}

/// What a command came to.
pub struct Executed<A> {
    /// The aggregate's state now.
    pub state: A,
    pub written: Written,
}

/// What an order is made from.
struct Draft<'a, R> {
    admin: Admin,
    command: CommandId,
    sealing: Arc<SealingKey>,
    wait: Option<Wait>,
    id: Uuid,
    subject: Subject,
    /// Such as `keys.revoke`.
    operation: &'static str,
    /// What stands in the path.
    ids: &'a [String],
    request: &'a R,
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
        let Self { api, by: Allowed { admin, at, .. }, idempotency, wait } = self;
        let sealing = api.sealing_key(at.owner()).await?;
        let command = api.command_id(&admin, at.owner(), &idempotency);
        let (id, subject, ids) = (at.id(), at.subject(), at.ids());
        api.order(Draft { admin, command, sealing, wait, id, subject, operation, ids: &ids, request })
    }
}

impl<P: Permission, T: Place> Asked<Allowed<P, T>> {
    /// Makes ready the creation of something that belongs to the path's owner; `subject` is where it will lie.
    pub async fn order_new<A: Decide, R: Serialize + Sync>(
        self,
        operation: &'static str,
        request: &R,
        subject: impl FnOnce(Uuid) -> Subject + Send,
    ) -> Result<Order<A>, Problem> {
        let Self { api, by: Allowed { admin, at, .. }, idempotency, wait } = self;
        let sealing = api.sealing_key(at.owner()).await?;
        let command = api.command_id(&admin, at.owner(), &idempotency);
        let id = command_id::create_id(command, &A::aggregate_type());
        let ids = [at.owner().to_string()];
        api.order(Draft {
            admin,
            command,
            sealing,
            wait,
            id,
            subject: subject(id),
            operation,
            ids: &ids,
            request,
        })
    }
}

impl<P: Permission> Asked<Permitted<P>> {
    /// Makes ready the command that creates an organization: its sealing key comes first, unless the slug is
    /// another's. Such a create is refused for ever, and would leave a key for nobody in the vault.
    pub async fn order_organization<R: Serialize + Sync>(
        self,
        operation: &'static str,
        request: &R,
        slug: &Slug,
    ) -> Result<Order<Organization>, Problem> {
        let Self { api, by: Permitted { admin, .. }, idempotency, wait } = self;
        let command = api.command_id(&admin, Owner::Installation, &idempotency);
        let id = command_id::create_id(command, &Organization::aggregate_type());
        let organization = OrganizationId::new(id);
        let owner = Owner::Organization(organization);
        let sealing = match api.sealing.get(owner).await.map_err(vault)? {
            Some(sealing) => sealing,
            None => {
                admin.again(&api)?;
                if api.dispatcher.slug_is_taken(organization, slug).await.map_err(problem)? {
                    return Err(Refusal::SlugTaken { slug: slug.clone() }.into());
                }
                api.sealing.get_or_create(owner).await.map_err(vault)?
            }
        };
        let subject = Subject::organization(organization);
        api.order(Draft { admin, command, sealing, wait, id, subject, operation, ids: &[], request })
    }
}

impl ApiState {
    /// The id of the command: from the client's key, or a new one.
    fn command_id(&self, admin: &Admin, owner: Owner, idempotency: &IdempotencyKey) -> CommandId {
        match idempotency.as_str() {
            Some(key) => command_id::from_idempotency_key(owner, &admin.actor(), key),
            None => CommandId::new(uuid_v7(&*self.clock, &*self.random)),
        }
    }

    /// The key that seals an owner's texts.
    async fn sealing_key(&self, owner: Owner) -> Result<Arc<SealingKey>, Problem> {
        match owner {
            Owner::Installation => self.sealing.get_or_create(owner).await.map_err(vault),
            // Without a key there is no such organization, or it is forgotten.
            Owner::Organization(_) => {
                self.sealing.get(owner).await.map_err(vault)?.ok_or_else(Problem::not_found)
            }
        }
    }

    fn order<A, R: Serialize>(&self, draft: Draft<'_, R>) -> Result<Order<A>, Problem> {
        let Draft { admin, command, sealing, wait, id, subject, operation, ids, request } = draft;
        let fingerprint = sealing.fingerprint(&canonical(operation, ids, request)?);
        let context = Context {
            now: self.clock.now(),
            actor: admin.actor(),
            command,
            fingerprint,
            event: EventId::new(uuid_v7(&*self.clock, &*self.random)),
            causation: None,
        };
        let (api, aggregate) = (self.clone(), PhantomData);
        Ok(Order { api, admin, gives: None, id, subject, context, sealing, wait, aggregate })
    }
}

impl<A> Order<A> {
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// The command gives scopes to a key: whoever asks must hold them also when it is carried out.
    pub fn giving(self, scopes: &ScopeSet) -> Self {
        Self { gives: Some(scopes.clone()), ..self }
    }

    /// Seals a text to the field of the event that the command will make.
    pub fn seal(&self, field: Field, text: &str) -> Result<SealedText, Problem> {
        let field = SealedField::of(&self.subject, self.context.event, field);
        self.sealing.seal(&field, text, &*self.api.random).map_err(vault)
    }

    /// The same for a text that may be absent.
    pub fn seal_some(&self, field: Field, text: Option<&str>) -> Result<Option<SealedText>, Problem> {
        text.map(|text| self.seal(field, text)).transpose()
    }
}

impl<A> Order<A>
where
    A: Decide<Command: 'static, Refusal: Into<Problem>>,
{
    /// Carries a change out and answers it.
    pub async fn carry_out(self, command: A::Command) -> Result<Json<Written>, Problem> {
        Ok(Json(self.execute(command).await?.written))
    }

    /// Carries the command out, if the key that asks still may: reading the body and asking the vaults took time
    /// in which it may have been revoked or narrowed. Once begun it runs to its end, also when the client goes
    /// away. Then it waits for the fleet, if that was asked for.
    pub async fn execute(self, command: A::Command) -> Result<Executed<A>, Problem> {
        let Self { api, admin: asked, gives, id, subject, context, wait, .. } = self;
        let admin = asked.again(&api)?;
        if let Some(scopes) = &gives {
            admin.may_give(scopes)?;
        }
        let asker = Asker::of(&admin);
        // From here on the command alone keeps its place among the owner's requests, until it has ended.
        drop(asked);
        let dispatcher = Arc::clone(&api.dispatcher);
        let run = api.commands.spawn(async move {
            let _admin = admin;
            dispatcher.execute::<A>(&subject, &command, &context).await
        });
        let done = match run.await {
            Ok(result) => result.map_err(problem)?,
            Err(broken) => {
                tracing::error!(error = %broken, "a command's task broke");
                return Err(Problem::internal());
            }
        };
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

/// What any command can meet.
fn problem<R: std::error::Error + Into<Problem>>(error: CommandError<R>) -> Problem {
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
        CommandError::Closed => Problem::new(Kind::Closed, "Its history holds an event that this version can't read, so nothing is decided on it here. Upgrade \
             the gateway.",
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

fn vault(error: VaultError) -> Problem {
    tracing::warn!(error = %error, "the vault did not answer");
    unavailable()
}
