//! Warnings of servers that fail: each kind of fault of each server once a minute, with how often it came.

use std::collections::HashMap;
use std::time::Duration;

use events::{ServerId, Timestamp};

use super::{CLIENT_GAVE_UP, Record};

const PAUSE: Duration = Duration::from_secs(60);
/// Kinds of faults of servers that are kept apart; beyond it they are told as one.
const MOST: usize = 1_024;

/// What was not told since a warning.
struct Told {
    at: Timestamp,
    more: u64,
    last: Option<Record>,
}

#[derive(Default)]
pub struct Warnings {
    told: HashMap<(ServerId, &'static str), Told>,
    untold: u64,
}

impl Warnings {
    pub fn take(&mut self, record: &Record) {
        let Some(server) = record.server.as_ref().filter(|_| record.is_warned_of()) else { return };
        let key = (server.id, record.outcome);
        if let Some(told) = self.told.get_mut(&key) {
            told.more += 1;
            told.last = Some(record.clone());
        } else if self.told.len() < MOST {
            warn(record, 1);
            self.told.insert(key, Told { at: record.at, more: 0, last: None });
        } else {
            self.untold += 1;
        }
    }

    /// Tells what came since, a minute after it was told last.
    pub fn tell_due(&mut self, now: Timestamp) {
        self.told.retain(|_, told| {
            if now.since(told.at) < PAUSE {
                return true;
            }
            let Some(last) = told.last.take() else { return false };
            warn(&last, told.more);
            (told.at, told.more) = (now, 0);
            true
        });
        if std::mem::take(&mut self.untold) > 0 && self.told.len() >= MOST {
            tracing::warn!("more servers fail in more ways than are told one by one: metrics have them all");
        }
    }

    #[cfg(test)]
    pub fn kept(&self) -> usize {
        self.told.len()
    }

    #[cfg(test)]
    pub fn waiting(&self) -> u64 {
        self.told.values().map(|told| told.more).sum()
    }
}

fn warn(record: &Record, times: u64) {
    let Some(server) = &record.server else { return };
    let organization = record.organization.as_ref().map_or("", |it| it.slug.as_str());
    tracing::warn!(
        request_id = record.request_id.to_str().unwrap_or_default(),
        organization,
        organization_id = %server.organization,
        server = server.slug.as_str(),
        server_id = %server.id,
        url = %server.upstream,
        outcome = record.outcome,
        status = record.status,
        waited_seconds = record.waited().as_secs_f64(),
        times,
        "{}",
        record.cause.as_deref().unwrap_or(match record.status {
            None => "its client gave up before the upstream had answered",
            Some(_) if record.outcome == CLIENT_GAVE_UP => {
                "its client gave up on an answer that had begun and brought no message"
            }
            Some(_) => "the upstream failed, and said so in words of its own, which were passed on",
        })
    );
}
