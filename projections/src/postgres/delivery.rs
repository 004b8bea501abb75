//! What webhooks are sent: queued from the history, taken up by workers, logged.
//!
//! It promises: an event is queued once, in the transaction that moves its webhook's place, which moves only from where it
//! was found; a delivery that its worker does not end is taken up again when its claim has run out; the events of one
//! object go one after the other; no endpoint has more than its share. None of it comes from an event, so no rebuild
//! touches it. PostgreSQL's clock is the one that all workers share.

use std::time::Duration;

use events::webhook::WebhookUrl;
use events::{Owner, SecretId, Timestamp, WebhookId};
use serde::Deserialize;
use uuid::Uuid;

use super::{EventRow, ReadModelError};

mod claim;
mod lists;
mod orders;
mod queue;

pub use claim::{Claims, claim, finish};
pub(super) use lists::{ATTEMPTS, DEAD};
pub use lists::{AttemptRow, DeadRow, Measured, Standing, attempts, dead, measure, standing, sweep};
pub use orders::{Replay, replay, resend, retry, start_again, test};
pub use queue::queue;

/// A delivery that was taken up.
#[derive(Clone, Debug, Deserialize)]
pub struct Delivery {
    pub id: i64,
    pub claim: Uuid,
    pub webhook: WebhookId,
    pub owner: Owner,
    pub url: WebhookUrl,
    /// The webhook as of which event.
    pub changed: u64,
    pub secret: SecretId,
    /// The secret before, as long as it signs as well.
    pub previous: Option<SecretId>,
    pub message: Uuid,
    /// `null`: a test.
    pub sequence: Option<u64>,
    pub kind: String,
    pub object: String,
    /// 0: as it happened.
    pub lane: i64,
    /// Those before this one.
    pub attempts: u32,
    pub queued_at: Timestamp,
    /// What the history says of it; `null`: it has no such event any more, or it is a test.
    pub event: Option<EventRow>,
    /// The log that the history is of.
    pub log: events::LogId,
}

/// What came of an attempt.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// `None`: there was no answer.
    pub status: Option<u16>,
    pub took: Duration,
    /// What went wrong, by a name without anything of the URL or the answer.
    pub error: Option<&'static str>,
    pub then: Then,
}

/// What becomes of the delivery.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Then {
    Delivered,
    /// It is tried again after this time.
    Retry(Duration),
    /// It is given up.
    Dead,
    /// The endpoint is gone: its webhook sends nothing more until it is resumed.
    Stop,
}

impl Then {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Retry(_) => "retry",
            Self::Dead => "dead",
            Self::Stop => "stopped",
        }
    }
}

/// Deliveries of one webhook that wait, at most: what comes after stays in the history until there is room.
pub const MAX_WAITING: i64 = 10_000;

/// Seconds as PostgreSQL multiplies an interval by.
fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

/// The kinds that a choice of types lets through; `None`: all.
fn kinds(types: &events::webhook::EventTypes) -> Option<Vec<String>> {
    if types.is_all() {
        return None;
    }
    let mut kinds: Vec<String> = events::Event::WRITTEN
        .iter()
        .filter(|(kind, _)| types.matches(kind))
        .map(|(kind, _)| (*kind).to_owned())
        .collect();
    kinds.dedup();
    Some(kinds)
}

type Done<T> = Result<T, ReadModelError>;
