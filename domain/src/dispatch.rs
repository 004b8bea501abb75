//! A command's way: load the aggregate, see whether the command was here before, decide, append; and again
//! when somebody else wrote in between, with a bound.
//!
//! Every answer rests on a history that the log's leader confirmed ([`Log::history`]), refusals and "already
//! so" included. What another aggregate must say of it (its owner's standing) is read here as well; sealing
//! texts, drawing ids and checking who may ask are the caller's.

use std::sync::Arc;
use std::time::Duration;

use events::clock::Random;
use events::log::{AppendError, Log, ReadError};
use events::slug::SlugKind;
use events::{OrganizationId, Owner, Position, Shard, Slug, Subject};

use crate::aggregate::{Decide, Facts, Standing};
use crate::context::Context;
use crate::cqrs;
use crate::organization::Organization;
use crate::readers::{Readers, Unreadable};
use crate::store::{Loaded, Store, StoreError};

/// A command is decided at most this often.
const ATTEMPTS: u32 = 12;
/// The same for an urgent one ([`Decide::urgent`]): whoever holds a key may change it in a loop, and its
/// revocation must win all the same. Its waits alone come to 4 to 8 s.
const URGENT_ATTEMPTS: u32 = 200;
/// The first wait after a conflict; it doubles up to the longest, and half of it is chance.
const FIRST_WAIT: Duration = Duration::from_millis(2);
const LONGEST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_URGENT_WAIT: Duration = Duration::from_millis(40);

/// Sends commands to aggregates.
#[derive(Clone)]
pub struct Dispatcher {
    store: Store,
    random: Arc<dyn Random>,
}

/// What a command came to.
#[derive(Clone, Debug)]
pub struct Done<A> {
    /// The aggregate's state now.
    pub state: A,
    /// Of the aggregate's newest event.
    pub position: Position,
    /// Whether this call appended an event; when not, what was asked for was so already.
    pub changed: bool,
    /// Whether an earlier call with the same command id did it.
    pub replayed: bool,
}

/// Why a command did not come to anything.
#[derive(Debug, thiserror::Error)]
pub enum CommandError<R: std::error::Error> {
    #[error(transparent)]
    Refused(R),
    /// The command id belongs to another command.
    #[error("the same idempotency key came with another command before")]
    OtherCommand,
    /// Others kept writing to the same aggregate. Nothing was stored.
    #[error("the object kept changing while the command was decided; send it again")]
    Conflict,
    /// Nothing was stored.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// Sending the same command again, with the same id, tells.
    #[error("the outcome is unknown; send the same command again: {0}")]
    OutcomeUnknown(String),
    /// An event of the aggregate can't be read by this version, so nothing can be decided.
    #[error("an event of this object can't be read by this version")]
    Closed,
    #[error("no installation lives in this log yet: run `keyledger bootstrap`")]
    NotBootstrapped,
    /// Nothing was stored.
    #[error(transparent)]
    Unreadable(Unreadable),
}

impl Dispatcher {
    pub fn new(log: Arc<dyn Log>, random: Arc<dyn Random>) -> Self {
        Self { store: Store::new(log), random }
    }

    /// Writes no event that one of these can't read.
    #[must_use]
    pub fn with_readers(self, readers: Arc<dyn Readers>) -> Self {
        Self { store: self.store.with_readers(readers), ..self }
    }

    /// Does a command once, however often it is sent.
    pub async fn execute<A: Decide>(
        &self,
        subject: &Subject,
        command: &A::Command,
        context: &Context,
    ) -> Result<Done<A>, CommandError<A::Refusal>> {
        let (attempts, longest) = if A::urgent(command) {
            (URGENT_ATTEMPTS, LONGEST_URGENT_WAIT)
        } else {
            (ATTEMPTS, LONGEST_WAIT)
        };
        for attempt in 0..attempts {
            match self.attempt(subject, command, context).await {
                Err(CommandError::Conflict) => self.wait(attempt, longest).await,
                outcome => return outcome,
            }
        }
        Err(CommandError::Conflict)
    }

    /// An aggregate as the log's leader knows it now. One with an event that can't be read is loaded as far
    /// as it could be, and says [`Loaded::closed`].
    pub async fn load<A: Decide>(&self, subject: &Subject) -> Result<Loaded<A>, CommandError<A::Refusal>> {
        self.store.load(subject).await.map_err(told::<A>)
    }

    /// Whether an organization's slug belongs to another one already, which it does for ever.
    pub async fn slug_is_taken(
        &self,
        organization: OrganizationId,
        slug: &Slug,
    ) -> Result<bool, CommandError<crate::organization::Refusal>> {
        let subject = Subject::organization(organization);
        self.store
            .reserved_by_another(&subject, SlugKind::Organization, slug)
            .await
            .map_err(told::<Organization>)
    }

    async fn attempt<A: Decide>(
        &self,
        subject: &Subject,
        command: &A::Command,
        context: &Context,
    ) -> Result<Done<A>, CommandError<A::Refusal>> {
        let loaded = self.load::<A>(subject).await?;
        let before = loaded.position().unwrap_or(Position {
            log: context.event.into(),
            shard: Shard::ZERO,
            sequence: 0,
        });
        if let Some(seen) = loaded.seen(context.command) {
            if seen.fingerprint != context.fingerprint {
                return Err(CommandError::OtherCommand);
            }
            if loaded.closed() {
                return Err(CommandError::Closed);
            }
            // This very call's event: its acknowledgement was lost.
            let own = seen.event == context.event;
            return Ok(Done { state: loaded.into_state(), position: before, changed: own, replayed: !own });
        }
        if loaded.closed() {
            return Err(CommandError::Closed);
        }
        let facts = Facts {
            now: loaded.next_time(context.now),
            owner: self.standing::<A>(subject.owner).await?,
            bootstrapped: loaded.bootstrapped(),
            authority: context.authority.clone(),
        };
        let decided = cqrs::decide(loaded.state().clone(), command.clone(), &facts).await;
        let (state, events) = decided.map_err(CommandError::Refused)?;
        if events.is_empty() {
            return Ok(Done { state, position: before, changed: false, replayed: false });
        }
        let position = self.store.append(&loaded, events, context).await.map_err(told::<A>)?;
        Ok(Done { state, position, changed: true, replayed: false })
    }

    /// How an aggregate's owner stands.
    async fn standing<A: Decide>(&self, owner: Owner) -> Result<Standing, CommandError<A::Refusal>> {
        let Owner::Organization(id) = owner else { return Ok(Standing::Installation) };
        let organization =
            self.store.load::<Organization>(&Subject::organization(id)).await.map_err(told::<A>)?;
        if organization.closed() {
            return Ok(Standing::Closed);
        }
        Ok(match organization.state() {
            Organization::Unknown => Standing::Unknown,
            Organization::Known(known) if known.suspended => Standing::Suspended,
            Organization::Known(_) => Standing::Active,
        })
    }

    async fn wait(&self, attempt: u32, longest: Duration) {
        let most = FIRST_WAIT.saturating_mul(1 << attempt.min(16)).min(longest);
        let mut chance = [0; 4];
        self.random.fill(&mut chance);
        let share = f64::from(u32::from_be_bytes(chance)) / f64::from(u32::MAX);
        tokio::time::sleep(most.mul_f64(0.5 + share / 2.0)).await;
    }
}

fn told<A: Decide>(error: StoreError) -> CommandError<A::Refusal> {
    match error {
        StoreError::Read(ReadError::NotBootstrapped) => CommandError::NotBootstrapped,
        StoreError::Read(error @ (ReadError::Unavailable(_) | ReadError::ForeignLog(_))) => {
            CommandError::Unavailable(error.to_string())
        }
        StoreError::Append(AppendError::Conflict) => CommandError::Conflict,
        StoreError::Append(AppendError::OutcomeUnknown(reason)) => CommandError::OutcomeUnknown(reason),
        StoreError::Append(
            error @ (AppendError::Unavailable(_) | AppendError::Refused(_) | AppendError::Encode(_)),
        ) => CommandError::Unavailable(error.to_string()),
        StoreError::SlugTaken(slug) => {
            A::slug_taken(&slug).map_or(CommandError::Conflict, CommandError::Refused)
        }
        StoreError::Closed => CommandError::Closed,
        StoreError::Unreadable(why) => CommandError::Unreadable(why),
        StoreError::WrongSubject(_) | StoreError::Metadata(_) => CommandError::Unavailable(error.to_string()),
    }
}

#[cfg(test)]
mod tests;
