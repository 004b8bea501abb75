//! A follower's messages over one connection: none is left out.

use std::time::{Duration, Instant};

use super::super::config::CONSUMER_LASTS;
use super::super::pull::{Follow, Pull, Pulled};
use super::super::wire::CallError;
use super::super::{STREAM, Shared, read};
use crate::log::Stored;

/// How many messages are asked for ahead. The subscription's queue (65,536) is never full.
const AHEAD: u64 = 4_000;

/// How long messages are asked for one by one after an empty one, which costs a consumer. A server keeps 20,000 for a minute:
/// whoever stores empty messages, however many, has a follower make one a second.
const ONE_BY_ONE: Duration = Duration::from_secs(1);
/// Between two questions for a message that is not there yet.
const PAUSE: Duration = Duration::from_millis(20);

/// What a session gives.
pub(super) enum Next {
    Message(Stored),
    /// The message after the place did not come: this one did.
    Gap {
        found: u64,
    },
    Ended(String),
}

pub(super) struct Session {
    connection: u64,
    way: Way,
}

/// How messages come.
enum Way {
    Pull(Box<Pull>),
    /// Each is asked for, until no empty one has come up to then.
    Asked {
        until: Instant,
    },
}

impl Session {
    pub(super) async fn open(log: &Shared, connection: u64, after: u64) -> Result<Self, CallError> {
        let follow = Follow {
            stream: STREAM.to_owned(),
            from: after + 1,
            name: "follow",
            description: "a follower of the log",
            ahead: AHEAD,
            heartbeat: log.timeouts.heartbeat,
            lasts: CONSUMER_LASTS,
            timeout: log.timeouts.read,
        };
        let pull = Pull::open(&log.wire, connection, follow).await?;
        Ok(Self { connection, way: Way::Pull(Box::new(pull)) })
    }

    /// The message after `after`.
    pub(super) async fn next(&mut self, log: &Shared, after: u64) -> Next {
        let next = loop {
            match &mut self.way {
                Way::Pull(pull) => break pulled(pull, after).await,
                Way::Asked { until } => {
                    let until = *until;
                    let found = read::message(log, after + 1).await;
                    // A message of the next connection is none of this one's.
                    if log.wire.connection() != self.connection {
                        return Next::Ended(CallError::ConnectionLost.to_string());
                    }
                    match found {
                        Ok(Some(stored)) => break Next::Message(stored),
                        Ok(None) if log.clock.instant() < until => tokio::time::sleep(PAUSE).await,
                        Ok(None) => match Self::open(log, self.connection, after).await {
                            Ok(session) => *self = session,
                            Err(error) => return Next::Ended(error.to_string()),
                        },
                        Err(error) => return Next::Ended(error.to_string()),
                    }
                }
            }
        };
        if let Next::Message(stored) = &next
            && stored.payload.is_empty()
        {
            self.way = Way::Asked { until: log.clock.instant() + ONE_BY_ONE };
        }
        next
    }
}

async fn pulled(pull: &mut Pull, after: u64) -> Next {
    match pull.next().await {
        Err(ended) => Next::Ended(ended.to_string()),
        Ok(Pulled { delivery, .. }) if delivery.stream_sequence != after + 1 => {
            Next::Gap { found: delivery.stream_sequence }
        }
        Ok(Pulled { subject, payload, delivery, .. }) => Next::Message(Stored {
            sequence: delivery.stream_sequence,
            subject,
            stored_at: delivery.stored_at,
            payload,
        }),
    }
}
