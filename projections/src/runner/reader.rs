//! What several projections of one process read of the log. Those that stand near each other read it once: each message
//! comes once, is read and judged once, and is handed to all. One that is far behind, or far ahead, reads for itself
//! until it is near.
//!
//! It promises each of them every message after its place, once and in order, whoever reads. Whoever is at the newest of
//! what was read reads on for all; nobody waits for one that is slow, who falls off the end of what is kept and reads
//! for itself again. Each begins with a follower of its own, which looks whether the log is the one that its place is
//! of; what was read over a connection that was lost meanwhile is handed to nobody who comes later.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use events::log::{FollowError, Follower, Log, ReadError, Stored};
use events::position::Place;
use events::{LogId, Read, Signers};
use futures::StreamExt;
use tokio::sync::{Mutex as AsyncMutex, OnceCell};

/// What is kept of what was read: messages, and bytes of them.
const KEPT: usize = 4_000;
const KEPT_BYTES: usize = 16 * 1024 * 1024;

/// Reads a log for projections.
pub struct Reader {
    log: Arc<dyn Log>,
    signers: Arc<Signers>,
    /// How many messages are kept.
    kept: usize,
    recent: Mutex<Recent>,
    /// What reads on after the newest of `recent`; whoever waits for the next message has it.
    head: AsyncMutex<Option<Follower>>,
}

/// A message, read once for all.
#[derive(Debug)]
pub(super) struct Message {
    pub stored: Stored,
    read: OnceCell<Read>,
}

#[derive(Default)]
struct Recent {
    /// Of the log, and of the connection, that it was read of and over.
    log: Option<LogId>,
    session: u64,
    /// Every message after this sequence, up to the newest, is here.
    after: u64,
    messages: VecDeque<Arc<Message>>,
    bytes: usize,
}

/// What there is after a place.
enum Next {
    Here(Arc<Message>),
    /// The place is the newest.
    End,
    Elsewhere,
}

/// One projection's way through the log.
pub(super) struct Following {
    reader: Arc<Reader>,
    log: LogId,
    place: Option<Place>,
    /// The last that was handed out.
    last: Option<Arc<Message>>,
    /// Reads for this one alone.
    own: Option<Follower>,
}

impl Message {
    pub fn new(stored: Stored) -> Self {
        Self { stored, read: OnceCell::new() }
    }

    /// What it is, with its signature judged.
    pub async fn read(&self, reader: &Reader, log: LogId) -> Result<&Read, ReadError> {
        let judge = || async {
            let read = reader.signers.read_of(&*reader.log, &self.stored, log).await?;
            if let Read::Event(recorded) = &read {
                reader.signers.take(recorded);
            }
            Ok(read)
        };
        self.read.get_or_try_init(judge).await
    }
}

impl Reader {
    /// Judges signatures by the keys that these know.
    pub fn new(log: Arc<dyn Log>, signers: Arc<Signers>) -> Self {
        Self { log, signers, kept: KEPT, recent: Mutex::default(), head: AsyncMutex::new(None) }
    }

    pub fn log(&self) -> &Arc<dyn Log> {
        &self.log
    }

    /// Follows the log after a place, as [`Log::follow`] does.
    pub(super) async fn follow(
        self: &Arc<Self>,
        log: LogId,
        place: Option<Place>,
    ) -> Result<Following, FollowError> {
        let own = Some(self.log.follow(place).await?);
        Ok(Following { reader: Arc::clone(self), log, place, last: None, own })
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self, log: LogId, at: u64) -> Next {
        let recent = self.recent();
        if recent.log != Some(log) || recent.session != self.log.session() {
            return Next::Elsewhere;
        }
        recent.next(at)
    }
}

impl Recent {
    fn newest(&self) -> u64 {
        self.messages.back().map_or(self.after, |message| message.stored.sequence)
    }

    fn next(&self, at: u64) -> Next {
        if at < self.after || at > self.newest() {
            return Next::Elsewhere;
        }
        let next = self.messages.partition_point(|message| message.stored.sequence <= at);
        self.messages.get(next).map_or(Next::End, |message| Next::Here(Arc::clone(message)))
    }

    fn begin(&mut self, log: LogId, session: u64, after: u64) {
        *self = Self { log: Some(log), session, after, messages: VecDeque::new(), bytes: 0 };
    }

    fn push(&mut self, message: Arc<Message>, kept: usize) {
        self.bytes += message.stored.payload.len();
        self.messages.push_back(message);
        while self.messages.len() > kept || self.bytes > KEPT_BYTES && self.messages.len() > 1 {
            let Some(oldest) = self.messages.pop_front() else { break };
            self.bytes -= oldest.stored.payload.len();
            self.after = oldest.stored.sequence;
        }
    }
}

impl Following {
    /// The next message, once there is one. What is waiting may be dropped, and asks again.
    pub async fn next(&mut self) -> Result<Arc<Message>, FollowError> {
        let reader = Arc::clone(&self.reader);
        loop {
            match reader.next(self.log, self.at()) {
                Next::Here(message) => {
                    self.own = None;
                    return Ok(self.hand_out(message));
                }
                Next::End => self.read_on(&reader).await?,
                Next::Elsewhere => {
                    if !self.begins(&reader) {
                        return self.read_own().await;
                    }
                }
            }
        }
    }

    fn at(&self) -> u64 {
        let place = self.place.map_or(0, |place| place.sequence);
        self.last.as_ref().map_or(place, |last| last.stored.sequence)
    }

    fn hand_out(&mut self, message: Arc<Message>) -> Arc<Message> {
        self.last = Some(Arc::clone(&message));
        message
    }

    /// Reads one message for all.
    async fn read_on(&mut self, reader: &Reader) -> Result<(), FollowError> {
        let mut head = reader.head.lock().await;
        // Somebody may have read on meanwhile.
        if !matches!(reader.next(self.log, self.at()), Next::End) {
            return Ok(());
        }
        if head.is_none() {
            *head = Some(self.open().await?);
        }
        let Some(follower) = head.as_mut() else { return Ok(()) };
        let session = reader.log.session();
        let read = follower.next().await;
        let mut recent = reader.recent();
        match read {
            Some(Ok(stored)) => {
                // The follower looked at its place over this connection before it read on.
                if recent.session != session {
                    let after = recent.newest();
                    recent.begin(self.log, session, after);
                }
                recent.push(Arc::new(Message::new(stored)), reader.kept);
                Ok(())
            }
            ended => {
                *head = None;
                *recent = Recent::default();
                Err(ended.and_then(Result::err).unwrap_or_else(ended_without_a_word))
            }
        }
    }

    /// Begins what all read, where nobody reads for all now. False: somebody does, somewhere else.
    fn begins(&mut self, reader: &Reader) -> bool {
        let Ok(mut head) = reader.head.try_lock() else { return false };
        let session = reader.log.session();
        let mut recent = reader.recent();
        let stale = recent.log != Some(self.log) || recent.session != session;
        if head.is_some() && !stale {
            return false;
        }
        *head = self.own.take();
        recent.begin(self.log, session, self.at());
        true
    }

    async fn read_own(&mut self) -> Result<Arc<Message>, FollowError> {
        if self.own.is_none() {
            self.own = Some(self.open().await?);
        }
        let Some(own) = self.own.as_mut() else { return Err(ended_without_a_word()) };
        match own.next().await {
            Some(Ok(stored)) => Ok(self.hand_out(Arc::new(Message::new(stored)))),
            ended => {
                self.own = None;
                Err(ended.and_then(Result::err).unwrap_or_else(ended_without_a_word))
            }
        }
    }

    /// A follower after this one's place.
    async fn open(&mut self) -> Result<Follower, FollowError> {
        if let Some(own) = self.own.take() {
            return Ok(own);
        }
        let place = match &self.last {
            Some(last) => {
                let Stored { sequence, .. } = last.stored;
                Some(Place { log: self.log, sequence, event: last.stored.read(self.log).event_id() })
            }
            None => self.place,
        };
        self.reader.log.follow(place).await
    }
}

fn ended_without_a_word() -> FollowError {
    FollowError::Unavailable("the follower ended".to_owned())
}

#[cfg(test)]
mod tests;
