//! From a request to a command: its ids, its fingerprint, its sealed texts, and its run to the end.

use std::fmt::Display;
use std::sync::Arc;

use domain::aggregate::Decide;
use domain::command_id;
use domain::context::Context;
use domain::dispatch::{CommandError, Done};
use events::clock::uuid_v7;
use events::sealed::SealedField;
use events::{CommandId, EventId, OrganizationId, Owner, ScopeSet, SealedText, Slug, Subject};
use serde::Serialize;

use super::ApiState;
use super::guard::Admin;
use super::idempotency::{IdempotencyKey, canonical};
use super::organization::problem::problem as organization_refused;
use super::problem::Problem;
use crate::vault::{SealingKey, VaultError};

/// A command that is being made ready.
pub struct Order {
    api: ApiState,
    admin: Admin,
    /// Scopes that the command gives to a key.
    gives: Option<ScopeSet>,
    context: Context,
    sealing: Arc<SealingKey>,
}

/// Whose command it is, and what it is called.
pub struct Ordered<'a, R> {
    pub admin: &'a Admin,
    /// Whose sealing key seals its texts; also part of the command's id.
    pub owner: Owner,
    pub idempotency: &'a IdempotencyKey,
    /// Such as `keys.revoke`.
    pub operation: &'static str,
    /// What stands in the path.
    pub place: &'a [&'a (dyn Display + Sync)],
    pub request: &'a R,
}

impl ApiState {
    /// The id of the command: from the client's key, or a new one.
    pub fn command_id(&self, admin: &Admin, owner: Owner, idempotency: &IdempotencyKey) -> CommandId {
        match idempotency.as_str() {
            Some(key) => command_id::from_idempotency_key(owner, &admin.actor(), key),
            None => CommandId::new(uuid_v7(&*self.clock, &*self.random)),
        }
    }

    /// Makes ready a command on what belongs to an owner that is there already.
    pub async fn order<R: Serialize + Sync>(&self, ordered: Ordered<'_, R>) -> Result<Order, Problem> {
        let sealing = match ordered.owner {
            Owner::Installation => self.sealing.get_or_create(ordered.owner).await.map_err(vault)?,
            // Without a key there is no such organization, or it is forgotten.
            Owner::Organization(_) => {
                self.sealing.get(ordered.owner).await.map_err(vault)?.ok_or_else(Problem::not_found)?
            }
        };
        let command = self.command_id(ordered.admin, ordered.owner, ordered.idempotency);
        self.order_under(sealing, command, ordered)
    }

    /// Makes ready the command that creates an organization: its sealing key comes first, unless the slug is
    /// another's. Such a create is refused for ever, and would leave a key for nobody in the vault.
    pub async fn order_creation<R: Serialize + Sync>(
        &self,
        command: CommandId,
        organization: OrganizationId,
        slug: &Slug,
        ordered: Ordered<'_, R>,
    ) -> Result<Order, Problem> {
        let sealing = match self.sealing.get(ordered.owner).await.map_err(vault)? {
            Some(sealing) => sealing,
            None => {
                ordered.admin.again(self)?;
                let taken = self.dispatcher.slug_is_taken(organization, slug).await;
                if taken.map_err(|error| problem(error, organization_refused))? {
                    return Err(organization_refused(domain::organization::Refusal::SlugTaken {
                        slug: slug.clone(),
                    }));
                }
                self.sealing.get_or_create(ordered.owner).await.map_err(vault)?
            }
        };
        self.order_under(sealing, command, ordered)
    }

    fn order_under<R: Serialize>(
        &self,
        sealing: Arc<SealingKey>,
        command: CommandId,
        ordered: Ordered<'_, R>,
    ) -> Result<Order, Problem> {
        let Ordered { admin, operation, place, request, .. } = ordered;
        let fingerprint = sealing.fingerprint(&canonical(operation, place, request)?);
        let context = Context {
            now: self.clock.now(),
            actor: admin.actor(),
            command,
            fingerprint,
            event: EventId::new(uuid_v7(&*self.clock, &*self.random)),
            causation: None,
        };
        Ok(Order { api: self.clone(), admin: admin.clone(), gives: None, context, sealing })
    }
}

impl Order {
    pub fn command(&self) -> CommandId {
        self.context.command
    }

    /// The command gives scopes to a key: whoever asks must hold them also when it is carried out.
    pub fn giving(self, scopes: &ScopeSet) -> Self {
        Self { gives: Some(scopes.clone()), ..self }
    }

    /// Seals a text to the field of the event that the command will make.
    pub fn seal(&self, subject: &Subject, field: &'static str, text: &str) -> Result<SealedText, Problem> {
        let field = SealedField::of(subject, self.context.event, field);
        self.sealing.seal(&field, text, &*self.api.random).map_err(vault)
    }

    /// The same for a text that may be absent.
    pub fn seal_some(
        &self,
        subject: &Subject,
        field: &'static str,
        text: Option<&str>,
    ) -> Result<Option<SealedText>, Problem> {
        text.map(|text| self.seal(subject, field, text)).transpose()
    }

    /// Carries the command out, if the key that asks still may: reading the body and asking the vaults took time
    /// in which it may have been revoked or narrowed. Once begun it runs to its end, also when the client goes
    /// away.
    pub async fn execute<A: Decide>(
        self,
        subject: Subject,
        command: A::Command,
        refused: impl FnOnce(A::Refusal) -> Problem,
    ) -> Result<Done<A>, Problem>
    where
        A::Command: 'static,
    {
        let Self { api, admin, gives, context, .. } = self;
        let admin = admin.again(&api)?;
        if let Some(scopes) = &gives {
            admin.may_give(scopes)?;
        }
        let dispatcher = Arc::clone(&api.dispatcher);
        let run = api.commands.spawn(async move {
            // Its place among the owner's requests is kept until it has ended.
            let _admin = admin;
            dispatcher.execute::<A>(&subject, &command, &context).await
        });
        match run.await {
            Ok(result) => result.map_err(|error| problem(error, refused)),
            Err(broken) => {
                tracing::error!(error = %broken, "a command's task broke");
                Err(Problem::internal())
            }
        }
    }
}

/// What any command can meet.
fn problem<R: std::error::Error>(error: CommandError<R>, refused: impl FnOnce(R) -> Problem) -> Problem {
    use http::StatusCode;
    match error {
        CommandError::Refused(refusal) => refused(refusal),
        CommandError::OtherCommand => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency-key-reused",
            "The Idempotency-Key belongs to another command",
            "This Idempotency-Key was sent before with another request. Draw a new one for each command, and send \
             the same one only to repeat the same request.",
        )
        .at(super::idempotency::HEADER),
        CommandError::Conflict => Problem::new(
            StatusCode::CONFLICT,
            "conflict",
            "Others change the same thing",
            "Others changed the same thing again and again while this was decided. Nothing was changed; ask again.",
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
        CommandError::Closed => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "closed",
            "A newer version wrote to this",
            "Its history holds an event that this version can't read, so nothing is decided on it here. Upgrade \
             the gateway.",
        ),
        CommandError::NotBootstrapped => Problem::not_ready("no installation lives in this log yet"),
    }
}

pub fn unavailable() -> Problem {
    Problem::new(
        http::StatusCode::SERVICE_UNAVAILABLE,
        "unavailable",
        "The log can't be reached",
        "The event log does not answer. Nothing was changed; ask again.",
    )
    .retry_after(2)
}

pub fn outcome_unknown() -> Problem {
    Problem::new(
        http::StatusCode::SERVICE_UNAVAILABLE,
        "outcome-unknown",
        "It is not known whether this was done",
        "The event log took the command and did not answer. Ask again with the same Idempotency-Key: the answer \
         tells whether it was done, and it is never done twice.",
    )
    .retry_after(2)
}

fn vault(error: VaultError) -> Problem {
    tracing::warn!(error = %error, "the vault did not answer");
    unavailable()
}
