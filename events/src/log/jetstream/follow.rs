//! Following: every message once, in order, through reconnects and restarts.
//!
//! A follower reads through a pull consumer of its own that lives as long as one connection. Whatever is
//! strange (a reconnect, silence, a gap, an error) ends the consumer; before the next one starts, the message
//! at the follower's place is read back from the stream's leader, since a log that was restored from an older
//! copy would otherwise go on under the old sequences with other events. That it is not there counts by a
//! majority's word alone: a leader that was cut off from its peers lacks the newest events as well.

mod session;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;

use self::session::{Next, Session};
use super::wire::CallError;
use super::{Shared, leader, read};
use crate::id::{EventId, LogId};
use crate::log::{FollowError, Follower, ReadError, Stored};
use crate::position::Place;

/// How often a missing message is looked for again before it counts as lost.
const TAIL_CHECKS: u32 = 6;

/// What the follower has come to.
enum At {
    /// Nothing yet.
    Start,
    /// The caller's checkpoint.
    Place { sequence: u64, event: Option<EventId> },
    /// A message that this follower gave out.
    Message { sequence: u64, payload: Bytes },
}

impl At {
    fn sequence(&self) -> u64 {
        match self {
            Self::Start => 0,
            Self::Place { sequence, .. } | Self::Message { sequence, .. } => *sequence,
        }
    }
}

struct Follow {
    log: Arc<Shared>,
    id: LogId,
    at: At,
    session: Option<Session>,
    failures: u32,
    ended: bool,
}

/// Why there is no session.
enum Failure {
    /// For good.
    End(FollowError),
    /// Try again.
    Again(String),
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Self::Again(error.to_string())
    }
}

pub(super) async fn follow(log: Arc<Shared>, after: Option<Place>) -> Result<Follower, FollowError> {
    let (id, at) = match after {
        Some(place) if place.sequence > 0 => {
            (Some(place.log), At::Place { sequence: place.sequence, event: place.event })
        }
        Some(place) => (Some(place.log), At::Start),
        None => (None, At::Start),
    };
    let found = read::id(&log).await;
    let id = match (id, found) {
        (None, Ok(found)) => found,
        (Some(id), Ok(found)) if id == found => id,
        (Some(id), Ok(found)) => return Err(diverged(&log, format!("it is log {found}, not {id}"))),
        (Some(_), Err(ReadError::NotBootstrapped)) => {
            return Err(diverged(&log, "it is empty".to_owned()));
        }
        (None, Err(ReadError::NotBootstrapped)) => return Err(FollowError::NotBootstrapped),
        (_, Err(ReadError::ForeignLog(reason))) => return Err(diverged(&log, reason)),
        (_, Err(ReadError::Unavailable(reason))) => return Err(FollowError::Unavailable(reason)),
    };
    log.set_id(Some(id));
    let mut follow = Follow { log, id, at, session: None, failures: 0, ended: false };
    match follow.start().await {
        Ok(session) => {
            follow.log.interrupted.ended();
            follow.session = Some(session);
        }
        Err(Failure::End(error)) => return Err(error),
        Err(Failure::Again(reason)) => return Err(FollowError::Unavailable(reason)),
    }
    Ok(futures::stream::unfold(follow, |mut follow| async move {
        let item = follow.next().await?;
        Some((item, follow))
    })
    .boxed())
}

fn diverged(log: &Shared, reason: String) -> FollowError {
    // Whoever asks next must not be told the old log's id.
    log.set_id(None);
    FollowError::Diverged(reason)
}

impl Follow {
    async fn next(&mut self) -> Option<Result<Stored, FollowError>> {
        if self.ended {
            return None;
        }
        loop {
            let failure = match self.session.as_mut() {
                Some(session) => match session.next(&self.log, self.at.sequence()).await {
                    Next::Message(stored) => {
                        self.failures = 0;
                        self.at = At::Message { sequence: stored.sequence, payload: stored.payload.clone() };
                        return Some(Ok(stored));
                    }
                    Next::Gap { found } => self.gap(found).await,
                    Next::Ended(reason) => Failure::Again(reason),
                },
                None => match self.start().await {
                    Ok(session) => {
                        self.log.interrupted.ended();
                        self.session = Some(session);
                        continue;
                    }
                    Err(failure) => failure,
                },
            };
            self.session = None;
            match failure {
                Failure::End(error) => {
                    self.ended = true;
                    return Some(Err(error));
                }
                Failure::Again(reason) => self.wait(&reason).await,
            }
        }
    }

    async fn wait(&mut self, reason: &str) {
        metrics::counter!("keyledger_log_follow_restarts_total").increment(1);
        self.log.interrupted.warn(&format_args!("after {}: {reason}", self.at.sequence()));
        self.log.back_off(self.failures, Duration::from_millis(20), Duration::from_secs(1)).await;
        self.failures = self.failures.saturating_add(1);
    }

    /// A new consumer after the place, once the place is seen to be the same.
    async fn start(&mut self) -> Result<Session, Failure> {
        if !self.log.wire.is_connected() {
            return Err(CallError::Disconnected.into());
        }
        // The session belongs to the connection over which the place was looked at.
        let connection = self.log.wire.connection();
        self.verify().await?;
        Ok(Session::open(&self.log, connection, self.at.sequence()).await?)
    }

    async fn verify(&self) -> Result<(), Failure> {
        let sequence = match &self.at {
            At::Start => return self.verify_first().await,
            At::Place { sequence, .. } | At::Message { sequence, .. } => *sequence,
        };
        let Some(found) = self.find(sequence).await? else {
            let last = leader::extent(&self.log).await?.last;
            let reason = if last < sequence {
                format!("it ends at {last}, before the place {sequence}")
            } else {
                format!("its message {sequence} is gone")
            };
            return Err(self.diverged(reason));
        };
        let same = match &self.at {
            At::Start => true,
            At::Place { event, .. } => found.read(self.id).event_id() == *event,
            At::Message { payload, .. } => found.payload == *payload,
        };
        if same { Ok(()) } else { Err(self.diverged(format!("another event stands at {sequence}"))) }
    }

    /// The message at the place; a missing one is asked for again before it counts as missing.
    async fn find(&self, sequence: u64) -> Result<Option<Stored>, CallError> {
        for attempt in 0..TAIL_CHECKS {
            if let Some(found) = read::message(&self.log, sequence).await? {
                return Ok(Some(found));
            }
            self.log.back_off(attempt, Duration::from_millis(25), Duration::from_millis(500)).await;
        }
        Ok(None)
    }

    async fn verify_first(&self) -> Result<(), Failure> {
        match read::id(&self.log).await {
            Ok(found) if found == self.id => Ok(()),
            Ok(found) => Err(self.diverged(format!("it is log {found}, not {}", self.id))),
            Err(ReadError::Unavailable(reason)) => Err(Failure::Again(reason)),
            Err(error @ (ReadError::NotBootstrapped | ReadError::ForeignLog(_))) => {
                Err(self.diverged(error.to_string()))
            }
        }
    }

    /// The consumer left out messages after the place: lost on the way, or gone from the log?
    async fn gap(&self, found: u64) -> Failure {
        let missing = self.at.sequence() + 1;
        match self.find(missing).await {
            Ok(Some(_)) => Failure::Again(format!("message {missing} did not arrive, {found} did")),
            Ok(None) => self.diverged(format!("its message {missing} is gone, while {found} is there")),
            Err(error) => error.into(),
        }
    }

    fn diverged(&self, reason: String) -> Failure {
        Failure::End(diverged(&self.log, reason))
    }
}
