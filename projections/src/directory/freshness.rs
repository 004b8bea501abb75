//! How old may what we know be? A node is as fresh as the moment at which it asked the log's leader how long
//! the log is, once it has applied all that the leader named. Ages count on the monotonic clock from before the
//! question, so a slow answer makes no one younger; and where the log has replicas, from when a majority of them
//! last spoke to the leader, since another leader may have written more from then on.
//!
//! Synchronous and without a clock: `follow` feeds it, `gate` reads it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use events::Timestamp;
use events::log::Quorum;

use super::lease::Lease;

/// Answers that wait for the directory to catch up. Beyond it new ones are dropped: the oldest prove first.
const MAX_WAITING: usize = 64;

/// A question about to be sent: what the answer is held against.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// Monotonic, before the question is sent.
    pub asked_at: Instant,
    /// The wall clock then.
    pub asked_wall: Timestamp,
    /// What was applied then.
    pub applied: u64,
}

/// What an answer turned out to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answered {
    /// All that it names is applied.
    Fresh,
    /// It counts once this sequence is applied.
    Behind(u64),
    /// The log holds nothing yet.
    Empty,
    /// The log is shorter than what was applied before the question: it proves nothing. Either its leader
    /// has been left behind, or it lost its tail; the follower finds out which when it reconnects.
    Shorter,
    /// Whoever answered does not speak for a majority of the log's servers: it proves nothing.
    NoMajority,
    /// The process held no lease at the moment that the answer speaks of: it proves nothing.
    Unleased,
}

/// The state.
#[derive(Debug, Default)]
pub struct Freshness {
    applied: u64,
    waiting: VecDeque<(Instant, u64)>,
    fresh_as_of: Option<Instant>,
    target: u64,
    /// `None`: a process of no fleet, whose questions always count.
    lease: Option<Lease>,
}

impl Freshness {
    /// Of a process in a fleet: only what it asked while it held its lease counts.
    pub fn leased() -> Self {
        Self { lease: Some(Lease::default()), ..Self::default() }
    }

    pub fn question(&self, asked_at: Instant, asked_wall: Timestamp) -> Question {
        Question { asked_at, asked_wall, applied: self.applied }
    }

    /// The leader said that this is the log's last sequence.
    pub fn answered(&mut self, question: &Question, last_sequence: u64, quorum: Quorum) -> Answered {
        let Some(as_of) = quorum.holds_as_of(question.asked_at) else {
            return Answered::NoMajority;
        };
        if last_sequence < question.applied {
            return Answered::Shorter;
        }
        if last_sequence == 0 {
            return Answered::Empty;
        }
        self.target = self.target.max(last_sequence);
        if !self.has_lease(as_of) {
            return Answered::Unleased;
        }
        if last_sequence <= self.applied {
            self.prove(as_of);
            return Answered::Fresh;
        }
        if self.waiting.len() < MAX_WAITING {
            self.waiting.push_back((as_of, last_sequence));
        }
        Answered::Behind(last_sequence)
    }

    /// Everything up to this sequence is applied.
    pub fn applied(&mut self, sequence: u64) {
        self.applied = self.applied.max(sequence);
        self.target = self.target.max(sequence);
        while let Some((as_of, _)) = self.waiting.pop_front_if(|(_, last)| *last <= self.applied) {
            self.prove(as_of);
        }
    }

    /// The lease was renewed by a record that was sent then and is acknowledged now.
    pub fn lease_renewed(&mut self, sent_at: Instant, now: Instant, lasts: Duration) {
        if let Some(lease) = &mut self.lease {
            lease.renewed(sent_at, now, lasts);
        }
    }

    /// The lease is gone, and with it all that was proven under it.
    pub fn lease_lost(&mut self) {
        if let Some(lease) = &mut self.lease {
            lease.lost();
            self.waiting.clear();
            self.fresh_as_of = None;
        }
    }

    /// Whether what is asked at this moment counts.
    pub fn has_lease(&self, at: Instant) -> bool {
        self.lease.is_none_or(|lease| lease.held_at(at))
    }

    /// As of when everything is known to be applied; `None`: never yet.
    pub fn as_of(&self) -> Option<Instant> {
        self.fresh_as_of
    }

    /// The longest that the log was ever said to be.
    pub fn target(&self) -> u64 {
        self.target
    }

    fn prove(&mut self, as_of: Instant) {
        self.fresh_as_of = Some(self.fresh_as_of.map_or(as_of, |before| before.max(as_of)));
    }
}

/// How far the log's clock was from ours, at least: it spoke somewhere between our question and its arrival
/// here. Positive: the log's clock is ahead. Milliseconds.
pub fn clock_offset_millis(asked: Timestamp, server: Timestamp, received: Timestamp) -> i64 {
    if server < asked {
        -millis(asked.since(server))
    } else if server > received {
        millis(server.since(received))
    } else {
        0
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
