//! Aggregates in the log: loads one from its subject, and appends what it decided under the condition that nobody
//! wrote in between. Deciding again after a conflict is left to `dispatch`; how cqrs-es sees it, to `cqrs`.

use std::collections::HashMap;
use std::sync::Arc;

use events::Fingerprint;
use events::log::{AppendError, Batch, Entry, Expected, History, Known, Log, ReadError, Stored};
use events::slug::{Reservation, Reserved, SlugEvent, SlugKind};
use events::{
    AggregateId, AggregateType, CommandId, Draft, Event, EventId, LogId, Owner, Position, Read, Recorded,
    Signers, Slug, Subject, Timestamp, UnreadableCause,
};

use crate::aggregate::Decide;
use crate::command_id;
use crate::context::Context;
use crate::readers::{Alone, Readers, Unreadable};
use crate::writer::{SignError, Writer};

/// A thread judges so many events (some 50 us each), and then lets others go on.
const AT_ONCE: usize = 64;

/// An event store over a log.
#[derive(Clone)]
pub struct Store {
    pub(crate) log: Arc<dyn Log>,
    writer: Arc<dyn Writer>,
    signers: Arc<Signers>,
    readers: Arc<dyn Readers>,
}

/// An aggregate as its events make it, with what the next append needs to know.
#[derive(Clone, Debug)]
pub struct Loaded<A: Decide> {
    state: A,
    pub(crate) subject: Subject,
    /// `None`: the log is empty.
    log: Option<LogId>,
    /// Of the log, in which all of it was read.
    session: u64,
    /// The sequence of the subject's last message; 0 when there is none.
    last: u64,
    /// Where the aggregate's newest event stands.
    position: Option<Position>,
    /// The newest event: the next one says that it follows it.
    newest: Option<EventId>,
    /// The time of its newest event.
    time: Option<Timestamp>,
    /// Every command that made an event of it.
    commands: HashMap<CommandId, Seen>,
    /// An event of it can't be read, so the state is not known: why.
    closed: Option<UnreadableCause>,
    pub(crate) count: usize,
    /// What its history is made of.
    size: Size,
}

/// How long a history is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Size {
    pub messages: usize,
    pub bytes: usize,
}

/// A command that an aggregate has seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seen {
    pub fingerprint: Fingerprint,
    /// The first event that it made.
    pub event: EventId,
}

/// Why an aggregate was not loaded, or its events were not appended.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error("the slug `{0}` belongs to another object")]
    SlugTaken(Slug),
    #[error("an event of the aggregate can't be read: {0}")]
    Closed(UnreadableCause),
    #[error("`{0}` is no place of such an aggregate")]
    WrongSubject(String),
    #[error(transparent)]
    Metadata(#[from] crate::cqrs::MetadataError),
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl<A: Decide> Loaded<A> {
    pub fn state(&self) -> &A {
        &self.state
    }

    pub fn into_state(self) -> A {
        self.state
    }

    /// Where the aggregate's newest event stands; `None` when it has none.
    pub fn position(&self) -> Option<Position> {
        self.position
    }

    /// Why an event of it can't be read, where one can't: then its state is not known.
    pub fn closed(&self) -> Option<UnreadableCause> {
        self.closed
    }

    pub fn size(&self) -> Size {
        self.size
    }

    pub fn bootstrapped(&self) -> bool {
        self.log.is_some()
    }

    /// What an earlier call of the same command left.
    pub fn seen(&self, command: CommandId) -> Option<Seen> {
        self.commands.get(&command).copied()
    }

    /// The time that the next event carries: within an aggregate time never goes back.
    pub fn next_time(&self, now: Timestamp) -> Timestamp {
        self.time.map_or(now, |last| last.max(now))
    }

    fn empty(subject: &Subject, log: Option<LogId>) -> Self {
        Self {
            state: A::default(),
            subject: subject.clone(),
            log,
            session: 0,
            last: 0,
            position: None,
            newest: None,
            time: None,
            commands: HashMap::new(),
            closed: None,
            count: 0,
            size: Size::default(),
        }
    }

    fn of(subject: &Subject) -> Result<(), StoreError> {
        if subject.aggregate_type == A::aggregate_type() {
            Ok(())
        } else {
            Err(StoreError::WrongSubject(subject.to_string()))
        }
    }

    fn take(&mut self, stored: &Stored, read: Read, log: LogId) {
        self.size.messages += 1;
        self.size.bytes += stored.payload.len();
        match read.after(self.newest) {
            Read::Event(recorded) => {
                let Recorded { envelope, event, .. } = *recorded;
                self.newest = Some(envelope.id);
                match A::Event::try_from(event) {
                    Ok(event) => self.state.apply(&event),
                    Err(_) => _ = self.closed.get_or_insert(UnreadableCause::Version),
                }
                self.time = Some(self.next_time(envelope.time));
                let seen = Seen { fingerprint: envelope.fingerprint, event: envelope.id };
                self.commands.entry(envelope.command).or_insert(seen);
            }
            Read::Unreadable(unreadable) => {
                tracing::error!(
                    subject = stored.subject, sequence = stored.sequence, reason = %unreadable.reason,
                    "an event can't be read: its aggregate takes no commands"
                );
                self.closed.get_or_insert(unreadable.reason.cause());
            }
            Read::Foreign(foreign) => {
                tracing::error!(
                    subject = stored.subject, sequence = stored.sequence, reason = %foreign.reason,
                    "a message in the log is no event of ours: skipped"
                );
                return;
            }
        }
        self.count += 1;
        self.position = Some(Position { log, shard: self.subject.shard, sequence: stored.sequence });
    }
}

impl Store {
    /// `writer` signs what is appended.
    pub fn new(log: Arc<dyn Log>, writer: Arc<dyn Writer>) -> Self {
        Self { log, writer, signers: Arc::default(), readers: Arc::new(Alone) }
    }

    /// Judges by the keys that these know, which others keep up to date.
    #[must_use]
    pub fn with_signers(self, signers: Arc<Signers>) -> Self {
        Self { signers, ..self }
    }

    /// Writes only what these can read.
    #[must_use]
    pub fn with_readers(self, readers: Arc<dyn Readers>) -> Self {
        Self { readers, ..self }
    }

    /// The aggregate as the log's leader knows it. In an empty log only the installation can be loaded.
    pub async fn load<A: Decide>(&self, subject: &Subject) -> Result<Loaded<A>, StoreError> {
        self.load_on(subject, None).await
    }

    /// The same, where it was loaded before: what came since is read.
    pub async fn load_on<A: Decide>(
        &self,
        subject: &Subject,
        before: Option<Loaded<A>>,
    ) -> Result<Loaded<A>, StoreError> {
        Loaded::<A>::of(subject)?;
        let log = match self.log.id().await {
            Ok(log) => log,
            Err(ReadError::NotBootstrapped) if subject.aggregate_type == AggregateType::Installation => {
                return Ok(Loaded::empty(subject, None));
            }
            Err(error) => return Err(error.into()),
        };
        let session = self.log.session();
        let of_now = |loaded: &Loaded<A>| {
            loaded.log == Some(log) && loaded.session == session && loaded.subject == *subject
        };
        let before = before.filter(of_now);
        let mut loaded = before.unwrap_or_else(|| Loaded::empty(subject, Some(log)));
        loaded.session = session;
        let known = Known { messages: loaded.size.messages, last: loaded.last };
        let history = self.log.history_after(subject, known).await?;
        for events in history.events.chunks(AT_ONCE) {
            for stored in events {
                let read = self.read(stored, log).await?;
                loaded.take(stored, read, log);
            }
            if events.len() == AT_ONCE {
                // Others go on meanwhile.
                tokio::task::yield_now().await;
            }
        }
        loaded.last = history.last;
        Ok(loaded)
    }

    /// A message of the log, with its signature judged.
    pub(crate) async fn read(&self, stored: &Stored, log: LogId) -> Result<Read, ReadError> {
        self.signers.read_of(&*self.log, stored, log).await
    }

    /// An aggregate of which there is nothing, without looking: what is appended to it is stored only if that is so.
    pub async fn unread<A: Decide>(&self, subject: &Subject) -> Result<Loaded<A>, StoreError> {
        Loaded::<A>::of(subject)?;
        Ok(Loaded::empty(subject, Some(self.log.id().await?)))
    }

    /// Appends the events of one command, with the reservations of the names that they claim, all or none;
    /// answers the position of the last event.
    pub async fn append<A: Decide>(
        &self,
        loaded: &Loaded<A>,
        decided: Vec<A::Event>,
        context: &Context,
    ) -> Result<Position, StoreError> {
        let mut claims = Vec::new();
        let mut own = Vec::with_capacity(decided.len());
        let mut previous = loaded.newest;
        for (place, event) in decided.into_iter().enumerate() {
            let event: Event = event.into();
            if let Some(reservation) = event.reserves() {
                claims.push(self.claim(loaded, &reservation, context).await?);
            }
            let id = match place {
                0 => context.event,
                _ => command_id::further_event(context.event, &place.to_string()),
            };
            let expected = match (place, loaded.log) {
                (0, Some(_)) => Expected::Last(loaded.last),
                (0, None) => Expected::EmptyLog,
                (_, _) => Expected::Following,
            };
            own.push((loaded.draft(&loaded.subject, id, previous, event, context), expected));
            previous = Some(id);
        }
        // Last come the aggregate's own events, so that the answer is their newest one's position.
        claims.append(&mut own);
        for (draft, _) in &claims {
            self.readers.can_read(draft.event.kind(), draft.event.version())?;
        }
        let mut entries = Vec::with_capacity(claims.len());
        for (draft, expected) in claims {
            entries.push(Entry { event: self.writer.sign(draft).await?, expected });
        }
        Ok(self.log.append(Batch { entries }).await?)
    }

    /// The object of this owner's that has reserved the slug.
    pub async fn holder(
        &self,
        owner: Owner,
        kind: SlugKind,
        slug: &Slug,
    ) -> Result<Option<AggregateId>, StoreError> {
        let log = self.log.id().await?;
        let history = self.log.history(&Subject::slug(owner, kind, slug)).await?;
        Ok(self.reservation(&history, log).await?.object)
    }

    /// The reservation of a slug, on condition that it is free or belongs to this aggregate already.
    async fn claim<A: Decide>(
        &self,
        loaded: &Loaded<A>,
        reservation: &Reservation,
        context: &Context,
    ) -> Result<(Draft, Expected), StoreError> {
        let Reservation { kind, slug } = reservation;
        let subject = Subject::slug(loaded.subject.owner, *kind, slug);
        let history = self.log.history(&subject).await?;
        let held = self.reservation(&history, loaded.id(context)).await?;
        if held.is_of_another(&loaded.subject) || (kind.is_claimed_once() && held.object.is_some()) {
            return Err(StoreError::SlugTaken(slug.clone()));
        }
        let object = loaded.subject.aggregate_id.clone();
        let event = Event::Slug(SlugEvent::Reserved(Reserved { kind: *kind, slug: slug.clone(), object }));
        let id = command_id::further_event(context.event, subject.aggregate_id.as_str());
        let draft = loaded.draft(&subject, id, held.newest, event, context);
        Ok((draft, Expected::Last(history.last)))
    }

    /// Who has a slug, by its reservations.
    async fn reservation(&self, history: &History, log: LogId) -> Result<Held, StoreError> {
        let mut held = Held::default();
        for stored in &history.events {
            match self.read(stored, log).await?.after(held.newest) {
                Read::Event(recorded) => {
                    let Some(SlugEvent::Reserved(reserved)) = recorded.event.as_slug() else {
                        return Err(StoreError::Closed(UnreadableCause::Version));
                    };
                    held = Held { newest: Some(recorded.envelope.id), object: Some(reserved.object.clone()) };
                }
                Read::Unreadable(unreadable) => return Err(StoreError::Closed(unreadable.reason.cause())),
                Read::Foreign(_) => {}
            }
        }
        Ok(held)
    }
}

/// A slug's reservations.
#[derive(Default)]
struct Held {
    newest: Option<EventId>,
    /// Whose the slug is for ever, by the newest of them.
    object: Option<AggregateId>,
}

impl Held {
    fn is_of_another(&self, object: &Subject) -> bool {
        self.object.as_ref().is_some_and(|holder| *holder != object.aggregate_id)
    }
}

impl<A: Decide> Loaded<A> {
    /// The log's id: an empty log's is its first event's.
    fn id(&self, context: &Context) -> LogId {
        self.log.unwrap_or_else(|| context.event.into())
    }

    fn draft(
        &self,
        subject: &Subject,
        id: EventId,
        previous: Option<EventId>,
        event: Event,
        context: &Context,
    ) -> Draft {
        Draft {
            id,
            log: self.id(context),
            time: self.next_time(context.now),
            subject: subject.clone(),
            previous,
            actor: context.actor.clone(),
            command: context.command,
            fingerprint: context.fingerprint,
            causation: context.causation,
            event,
        }
    }
}
