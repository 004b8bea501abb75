//! A log in memory.

use std::sync::Mutex;

use async_trait::async_trait;
use events::clock::{Clock, SystemClock};
use events::log::{
    AppendError, Batch, FollowError, Follower, History, Known, Log, Quorum, ReadError, Stored, StreamInfo,
};
use events::position::Place;
use events::*;
use tokio::sync::watch;
use uuid::Uuid;

use super::world::new_id;

/// Signs all that is pushed.
pub fn writer() -> SigningKey {
    SigningKey::from_seed(SignerId::new(Uuid::from_u128(1)), &[1; 32]).unwrap()
}

/// A log in memory: what is pushed is followed.
pub struct Told {
    id: LogId,
    events: Mutex<Vec<Stored>>,
    length: watch::Sender<u64>,
}

impl Told {
    pub fn new() -> Self {
        Self { id: LogId::new(new_id()), events: Mutex::default(), length: watch::Sender::new(0) }
    }

    /// How many messages it has.
    pub fn length(&self) -> u64 {
        *self.length.borrow()
    }

    pub fn push(&self, subject: Subject, event: Event) {
        self.push_altered(subject, event, |payload| payload);
    }

    pub fn push_altered(&self, subject: Subject, event: Event, alter: impl FnOnce(String) -> String) {
        let mut events = self.events.lock().unwrap();
        let sequence = events.len() as u64 + 1;
        let id = if sequence == 1 { EventId::new(self.id.uuid()) } else { EventId::new(new_id()) };
        let on = subject.to_string();
        let before = events.iter().rev().find(|stored| stored.subject == on);
        let draft = Draft {
            id,
            log: self.id,
            time: SystemClock.now(),
            subject: subject.clone(),
            previous: before.and_then(|stored| stored.read(self.id).event_id()),
            actor: Actor::bootstrap(),
            command: CommandId::new(new_id()),
            fingerprint: Fingerprint([0; 32]),
            causation: None,
            event,
        };
        let payload = draft.signed(&writer()).unwrap().payload().to_vec();
        events.push(Stored {
            sequence,
            subject: on,
            stored_at: SystemClock.now(),
            payload: alter(String::from_utf8(payload).unwrap()).into(),
        });
        self.length.send_replace(sequence);
    }
}

#[async_trait]
impl Log for Told {
    async fn id(&self) -> Result<LogId, ReadError> {
        Ok(self.id)
    }

    async fn append(&self, _: Batch) -> Result<Position, AppendError> {
        Err(AppendError::Refused("read alone".to_owned()))
    }

    async fn history_after(&self, _: &Subject, _: Known) -> Result<History, ReadError> {
        Ok(History::default())
    }

    async fn message(&self, sequence: u64) -> Result<Option<Stored>, ReadError> {
        Ok(self.events.lock().unwrap().get(sequence as usize - 1).cloned())
    }

    async fn info(&self) -> Result<StreamInfo, ReadError> {
        let last_sequence = *self.length.borrow();
        let (server_time, asked_at) = (SystemClock.now(), SystemClock.instant());
        Ok(StreamInfo {
            last_sequence,
            messages: last_sequence,
            server_time,
            asked_at,
            quorum: Quorum::Single,
        })
    }

    async fn follow(&self, after: Option<Place>) -> Result<Follower, FollowError> {
        let next = after.map_or(0, |place| place.sequence as usize);
        let events: Vec<_> = self.events.lock().unwrap()[next..].to_vec();
        let seen = next + events.len();
        let mut length = self.length.subscribe();
        let end = async move {
            let _ = length.wait_for(|length| *length > seen as u64).await;
            // Follows anew from its place.
            Err(FollowError::Unavailable("more".to_owned()))
        };
        let events = futures::stream::iter(events.into_iter().map(Ok));
        Ok(Box::pin(futures::StreamExt::chain(events, futures::stream::once(end))))
    }
}
