//! A command's way: load the aggregate, see whether the command was here before, decide, append; and again
//! when somebody else wrote in between, with a bound.
//!
//! Every answer rests on a history that the log's leader confirmed ([`Log::history`]), refusals and "already
//! so" included. What another aggregate must say of it (its owner's standing) is read here as well; sealing
//! texts, drawing ids and checking who may ask are the caller's.
//!
//! A create is first tried as what it nearly always is, the first event of its object, of an owner that this process
//! follows and knows to be active ([`Active`]): the log itself refuses to store it as such where that is not so, and
//! then it goes the way of all others.

mod departures;
mod names;
mod owners;
mod turns;

use std::sync::Arc;
use std::time::Duration;

use events::clock::Random;
use events::log::{AppendError, Log, ReadError};
use events::{AggregateType, Owner, Position, Shard, Signers, Subject, UnreadableCause};

pub use self::departures::{OrganizationOwners, Owning};
pub use self::owners::Active;
use self::owners::{Failed, Nobody, Owners};
use self::turns::{Busy, Lane, Turns};
use crate::aggregate::{Decide, Facts, OtherOwners, Room, Standing};
use crate::context::Context;
use crate::cqrs;
use crate::organization::Organization;
use crate::readers::{Readers, Unreadable};
use crate::store::{Loaded, Size, Store, StoreError};
use crate::writer::Writer;

/// A history is at most about this long: each command on an aggregate reads all of it. One who reaches that is told so;
/// what takes away goes on ([`Room`]).
pub const BOUND: Size = Size { messages: 10_000, bytes: 8 * 1024 * 1024 };

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
    turns: Arc<Turns>,
    owners: Arc<Owners>,
    active: Arc<dyn Active>,
    owning: Arc<dyn Owning>,
    bound: Size,
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
    /// An event of the aggregate can't be read, so nothing can be decided.
    #[error("an event of this object can't be read: {0}")]
    Closed(UnreadableCause),
    #[error("no installation lives in this log yet: run `keyledger bootstrap`")]
    NotBootstrapped,
    /// Nothing was stored.
    #[error(transparent)]
    Unreadable(Unreadable),
    /// Others were before it for as long as one waits. Nothing was stored.
    #[error("too many commands on the same thing, or of the same owner, at once; send it again")]
    Busy,
    /// Nothing was stored.
    #[error(
        "the object's history holds {} events of {} bytes, and {} events or {} bytes are as many as one may have",
        .size.messages, .size.bytes, .bound.messages, .bound.bytes
    )]
    Full { size: Size, bound: Size },
}

impl<R: std::error::Error> From<Busy> for CommandError<R> {
    fn from(Busy: Busy) -> Self {
        Self::Busy
    }
}

impl<R: std::error::Error> From<Failed> for CommandError<R> {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Busy => Self::Busy,
            Failed::NotBootstrapped => Self::NotBootstrapped,
            Failed::Unavailable(reason) => Self::Unavailable(reason),
        }
    }
}

impl Dispatcher {
    /// `writer` signs what commands append.
    pub fn new(log: Arc<dyn Log>, writer: Arc<dyn Writer>, random: Arc<dyn Random>) -> Self {
        Self {
            store: Store::new(log, writer),
            random,
            turns: Arc::default(),
            owners: Arc::default(),
            active: Arc::new(Nobody),
            owning: Arc::new(Nobody),
            bound: BOUND,
        }
    }

    /// Judges signatures by the keys that these know, which others keep up to date.
    #[must_use]
    pub fn with_signers(self, signers: Arc<Signers>) -> Self {
        Self { store: self.store.with_signers(signers), ..self }
    }

    /// Writes no event that one of these can't read.
    #[must_use]
    pub fn with_readers(self, readers: Arc<dyn Readers>) -> Self {
        Self { store: self.store.with_readers(readers), ..self }
    }

    /// Need not read how an owner stands that is known to be active.
    #[must_use]
    pub fn with_active(self, active: Arc<dyn Active>) -> Self {
        Self { active, ..self }
    }

    /// Knows by these who the owners of an organization are.
    #[must_use]
    pub fn with_owning(self, owning: Arc<dyn Owning>) -> Self {
        Self { owning, ..self }
    }

    /// With another bound of histories.
    #[must_use]
    pub fn with_bound(self, bound: Size) -> Self {
        Self { bound, ..self }
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
        let lane = self.turns.lane(subject, A::urgent(command));
        for attempt in 0..attempts {
            let turn = lane.turn().await?;
            let outcome = match self.create_unread(attempt, subject, command, context).await {
                Some(outcome) => outcome,
                None => self.attempt(&lane, subject, command, context).await,
            };
            drop(turn);
            match outcome {
                Err(CommandError::Conflict) => self.wait(attempt, longest).await,
                outcome => {
                    if let (Ok(done), AggregateType::Organization) = (&outcome, A::aggregate_type()) {
                        self.owners.change(done.position.sequence);
                    }
                    return outcome;
                }
            }
        }
        Err(CommandError::Conflict)
    }

    /// An aggregate as the log's leader knows it now. One with an event that can't be read is loaded as far
    /// as it could be, and says [`Loaded::closed`].
    pub async fn load<A: Decide>(&self, subject: &Subject) -> Result<Loaded<A>, CommandError<A::Refusal>> {
        self.store.load(subject).await.map_err(told::<A>)
    }

    /// The aggregate, on what was read of it in this lane before.
    async fn read<A: Decide>(
        &self,
        lane: &Arc<Lane>,
        subject: &Subject,
    ) -> Result<Arc<Loaded<A>>, CommandError<A::Refusal>> {
        let before = lane.take().map(Arc::unwrap_or_clone);
        let loaded = self.turns.read(subject, self.store.load_on::<A>(subject, before)).await?;
        let loaded = Arc::new(loaded.map_err(told::<A>)?);
        lane.keep(Arc::clone(&loaded));
        self.turns.keep(lane, loaded.size().messages);
        Ok(loaded)
    }

    async fn attempt<A: Decide>(
        &self,
        lane: &Arc<Lane>,
        subject: &Subject,
        command: &A::Command,
        context: &Context,
    ) -> Result<Done<A>, CommandError<A::Refusal>> {
        let loaded = self.read::<A>(lane, subject).await?;
        let before = loaded.position().unwrap_or(Position {
            log: context.event.into(),
            shard: Shard::ZERO,
            sequence: 0,
        });
        if let Some(seen) = loaded.seen(context.command) {
            if seen.fingerprint != context.fingerprint {
                return Err(CommandError::OtherCommand);
            }
            if let Some(cause) = loaded.closed() {
                return Err(CommandError::Closed(cause));
            }
            // This very call's event: its acknowledgement was lost.
            let own = seen.event == context.event;
            let state = loaded.state().clone();
            return Ok(Done { state, position: before, changed: own, replayed: !own });
        }
        if let Some(cause) = loaded.closed() {
            return Err(CommandError::Closed(cause));
        }
        let owner = match A::creates(command) {
            true => self.standing(subject.owner).await?,
            false => Standing::NotAsked,
        };
        let others = match loaded.state().parts_with_owner(command) {
            true => Some(self.other_owners(subject).await?),
            false => None,
        };
        let (state, events) =
            decide(&loaded, command, owner, others, context).await.map_err(CommandError::Refused)?;
        if events.is_empty() {
            return Ok(Done { state, position: before, changed: false, replayed: false });
        }
        self.check_room(&loaded, command)?;
        let position = self.store.append(&loaded, events, context).await.map_err(told::<A>)?;
        Ok(Done { state, position, changed: true, replayed: false })
    }

    /// Tries a create as the first event of its object. `None`: it is none, or nothing came of it that may be told
    /// before it is known whether the same command was here already.
    async fn create_unread<A: Decide>(
        &self,
        attempt: u32,
        subject: &Subject,
        command: &A::Command,
        context: &Context,
    ) -> Option<Result<Done<A>, CommandError<A::Refusal>>> {
        if attempt > 0 || !A::creates(command) {
            return None;
        }
        let append = async {
            let nothing = self.store.unread::<A>(subject).await.map_err(told::<A>)?;
            let owner = match subject.owner {
                Owner::Organization(id) if self.active.is_active(id, self.owners.changed()) => {
                    Standing::Active
                }
                owner @ (Owner::Organization(_) | Owner::Installation) => self.standing(owner).await?,
            };
            let decided = decide(&nothing, command, owner, None, context).await;
            let (state, events) = decided.map_err(CommandError::Refused)?;
            if events.is_empty() {
                return Ok(None);
            }
            let position = self.store.append(&nothing, events, context).await.map_err(told::<A>)?;
            Ok(Some(Done { state, position, changed: true, replayed: false }))
        };
        match append.await {
            Err(CommandError::Refused(_) | CommandError::Unreadable(_) | CommandError::Closed(_)) => None,
            outcome => outcome.transpose(),
        }
    }

    fn check_room<A: Decide>(
        &self,
        loaded: &Loaded<A>,
        command: &A::Command,
    ) -> Result<(), CommandError<A::Refusal>> {
        let times = match loaded.state().room(command) {
            Room::Bound => 1,
            Room::Reserve => 2,
            Room::Always => return Ok(()),
        };
        let (size, bound) = (loaded.size(), self.bound);
        if size.messages >= times * bound.messages || size.bytes >= times * bound.bytes {
            return Err(CommandError::Full { size, bound });
        }
        Ok(())
    }

    /// How an aggregate's owner stands.
    async fn standing(&self, owner: Owner) -> Result<Standing, Failed> {
        let Owner::Organization(id) = owner else { return Ok(Standing::Installation) };
        let reading = async {
            let subject = Subject::organization(id);
            let organization = self.turns.read(&subject, self.store.load::<Organization>(&subject)).await??;
            if organization.closed().is_some() {
                return Ok(Standing::Closed);
            }
            Ok(match organization.state() {
                Organization::Unknown => Standing::Unknown,
                Organization::Known(known) if known.suspended => Standing::Suspended,
                Organization::Known(_) => Standing::Active,
            })
        };
        self.owners.standing(id, reading).await
    }

    async fn wait(&self, attempt: u32, longest: Duration) {
        let most = FIRST_WAIT.saturating_mul(1 << attempt.min(16)).min(longest);
        let mut chance = [0; 4];
        self.random.fill(&mut chance);
        let share = f64::from(u32::from_be_bytes(chance)) / f64::from(u32::MAX);
        tokio::time::sleep(most.mul_f64(0.5 + share / 2.0)).await;
    }
}

/// What the command makes of the aggregate, and the state after it.
async fn decide<A: Decide>(
    loaded: &Loaded<A>,
    command: &A::Command,
    owner: Standing,
    other_owners: Option<OtherOwners>,
    context: &Context,
) -> Result<(A, Vec<A::Event>), A::Refusal> {
    let facts = Facts {
        now: loaded.next_time(context.now),
        owner,
        bootstrapped: loaded.bootstrapped(),
        authority: context.authority.clone(),
        other_owners,
    };
    cqrs::decide(loaded.state().clone(), command.clone(), &facts).await
}

fn told<A: Decide>(error: StoreError) -> CommandError<A::Refusal> {
    match error {
        StoreError::Read(ReadError::NotBootstrapped) => CommandError::NotBootstrapped,
        StoreError::Read(error @ (ReadError::Unavailable(_) | ReadError::ForeignLog(_))) => {
            CommandError::Unavailable(error.to_string())
        }
        StoreError::Append(AppendError::Conflict) => CommandError::Conflict,
        StoreError::Append(AppendError::OutcomeUnknown(reason)) => CommandError::OutcomeUnknown(reason),
        StoreError::Append(error @ (AppendError::Unavailable(_) | AppendError::Refused(_))) => {
            CommandError::Unavailable(error.to_string())
        }
        StoreError::SlugTaken(slug) => {
            A::slug_taken(&slug).map_or(CommandError::Conflict, CommandError::Refused)
        }
        StoreError::Closed(cause) => CommandError::Closed(cause),
        StoreError::Unreadable(why) => CommandError::Unreadable(why),
        StoreError::WrongSubject(_) | StoreError::Metadata(_) | StoreError::Sign(_) => {
            CommandError::Unavailable(error.to_string())
        }
    }
}

#[cfg(test)]
mod tests;
