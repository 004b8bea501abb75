//! A follower's messages over one connection: none is left out.

use super::super::config::CONSUMER_LASTS;
use super::super::pull::{Follow, Pull, Pulled};
use super::super::wire::CallError;
use super::super::{STREAM, Shared};
use crate::log::Stored;

/// How many messages are asked for ahead. The subscription's queue (65,536) is never full.
const AHEAD: u64 = 4_000;

/// What a session gives.
pub(super) enum Next {
    Message(Stored),
    /// The message after the place did not come: this one did.
    Gap {
        found: u64,
    },
    Ended(String),
}

pub(super) struct Session(Pull);

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
        Pull::open(&log.wire, connection, follow).await.map(Self)
    }

    /// The message after `after`.
    pub(super) async fn next(&mut self, after: u64) -> Next {
        match self.0.next().await {
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
}
