//! The room that a listener has for connections. Who is in it is known, so that a connection which waits too long
//! or reads nothing is ended in time, and a full room finds a place for a new one at the cost of another that can
//! be done without.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use events::clock::Clock;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::Bounds;
use super::pulse::{Doing, How, Pulse};

/// When there is no room, who has waited or read nothing for longer can be done without.
const PATIENCE: Duration = Duration::from_secs(1);
/// So many of those who wait are ended together in a room of this many places each: to look for them takes a while.
const TOGETHER: usize = 16;
const PLACES_EACH: usize = 64;

pub struct Room {
    name: &'static str,
    bounds: Bounds,
    clock: Arc<dyn Clock>,
    places: Arc<Semaphore>,
    together: usize,
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    next: u64,
    connections: HashMap<u64, Guest>,
    looked: Option<Instant>,
}

struct Guest {
    pulse: Arc<Pulse>,
    /// Of those that end, not all are told by the room.
    counted: bool,
}

/// A connection's place; given back when it is dropped.
pub(super) struct Place {
    room: Arc<Room>,
    number: u64,
    pulse: Arc<Pulse>,
    _permit: OwnedSemaphorePermit,
}

/// Why a connection is ended from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    Idle,
    SlowHead,
    ReadsNothing,
    NoRoom,
}

impl Why {
    fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::SlowHead => "slow_head",
            Self::ReadsNothing => "reads_nothing",
            Self::NoRoom => "no_room",
        }
    }
}

impl Room {
    /// `name`: the listener's, in metrics and log lines.
    pub fn new(name: &'static str, places: usize, bounds: Bounds, clock: Arc<dyn Clock>) -> Arc<Self> {
        let together = (places / PLACES_EACH).clamp(1, TOGETHER);
        let places = Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS)));
        Arc::new(Self { name, bounds, clock, places, together, inside: Mutex::default() })
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// Times are kept to about a quarter of the shortest.
    pub(super) fn look_every(&self) -> Duration {
        let shortest = self.bounds.head.min(self.bounds.idle).min(self.bounds.unread);
        (shortest / 4).clamp(Duration::from_millis(10), Duration::from_secs(1))
    }

    /// A place for a new connection, which ends at the latest with `cancel`. When there is none, whoever can be
    /// done without is told to end; while nobody can be, this waits. `None`: never.
    pub(super) async fn enter(self: &Arc<Self>, cancel: &CancellationToken) -> Option<Place> {
        let mut entering = std::pin::pin!(Arc::clone(&self.places).acquire_owned());
        let mut patience = Duration::ZERO;
        loop {
            if let Ok(permit) = tokio::time::timeout(patience, entering.as_mut()).await {
                return Some(self.seat(permit.ok()?, cancel));
            }
            self.look();
            self.make_room();
            patience = self.look_every();
        }
    }

    fn seat(self: &Arc<Self>, permit: OwnedSemaphorePermit, cancel: &CancellationToken) -> Place {
        let pulse = Arc::new(Pulse::new(Arc::clone(&self.clock)));
        let guest = Guest { pulse: Arc::clone(&pulse), counted: false };
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let number = inside.next;
        inside.next += 1;
        inside.connections.insert(number, guest);
        drop(inside);
        // Who came in just before is told with all others.
        if cancel.is_cancelled() {
            pulse.tell(How::Asked);
        }
        metrics::gauge!("keyledger_connections", "listener" => self.name).increment(1);
        Place { room: Arc::clone(self), number, pulse, _permit: permit }
    }

    /// Asks every connection to end.
    pub(super) fn end(&self) {
        let inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        inside.connections.values().for_each(|guest| guest.pulse.tell(How::Asked));
    }

    /// Ends whose time is over. Loops that share the room take turns.
    pub(super) fn look(&self) {
        let now = self.clock.instant();
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let every = self.look_every() / 2;
        if inside.looked.is_some_and(|last| now.saturating_duration_since(last) < every) {
            return;
        }
        inside.looked = Some(now);
        for guest in inside.connections.values_mut() {
            if let Some((why, how)) = self.overdue(&guest.pulse, now) {
                self.tell(guest, why, how);
            }
        }
    }

    fn overdue(&self, pulse: &Pulse, now: Instant) -> Option<(Why, How)> {
        if let Some(blocked) = pulse.blocked(now) {
            return (blocked > self.bounds.unread).then_some((Why::ReadsNothing, How::Cut));
        }
        match pulse.doing(now) {
            (Doing::Waiting, time) if time > self.bounds.idle => Some((Why::Idle, How::Asked)),
            (Doing::Head, time) if time > self.bounds.head => Some((Why::SlowHead, How::Cut)),
            // What is under way has times of its own.
            (Doing::Waiting | Doing::Head | Doing::Answering | Doing::Leaving, _) => None,
        }
    }

    /// Tells a connection to end: the one that has waited longest; or that has read nothing for longest; or, since all
    /// are busy, the one whose request is newest, once that is answered. Who has just come is left alone.
    fn make_room(&self) {
        let now = self.clock.instant();
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let mut candidates: Vec<_> = inside
            .connections
            .values_mut()
            .filter_map(|guest| {
                let (rank, how) = dispensable(&guest.pulse, now)?;
                (guest.pulse.told() < Some(how)).then_some((rank, how, guest))
            })
            .collect();
        candidates.sort_unstable_by_key(|(rank, ..)| Reverse(*rank));
        let waiting = candidates.iter().take_while(|((class, _), ..)| *class == Class::Waits).count();
        let ended = waiting.min(self.together).max(1);
        for (_, how, guest) in candidates.into_iter().take(ended) {
            self.tell(guest, Why::NoRoom, how);
        }
    }

    fn tell(&self, guest: &mut Guest, why: Why, how: How) {
        guest.pulse.tell(how);
        if !std::mem::replace(&mut guest.counted, true) {
            let labels = [("listener", self.name), ("reason", why.name())];
            metrics::counter!("keyledger_connections_ended_total", &labels).increment(1);
            tracing::debug!(listener = self.name, reason = why.name(), "a connection is ended");
        }
    }
}

/// The last can best be done without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Busy,
    ReadsNothing,
    Waits,
}

/// How well a connection can be done without, and how it would be ended.
fn dispensable(pulse: &Pulse, now: Instant) -> Option<((Class, Duration), How)> {
    if let Some(blocked) = pulse.blocked(now) {
        // Its answer may be handed over already, so that it seems to wait.
        return (blocked > PATIENCE).then_some(((Class::ReadsNothing, blocked), How::Cut));
    }
    match pulse.doing(now) {
        (Doing::Waiting, time) if time > PATIENCE => Some(((Class::Waits, time), How::Asked)),
        (Doing::Head | Doing::Leaving, time) if time > PATIENCE => Some(((Class::Waits, time), How::Cut)),
        (Doing::Waiting | Doing::Head | Doing::Leaving, _) => None,
        (Doing::Answering, time) => Some(((Class::Busy, Duration::MAX.saturating_sub(time)), How::Asked)),
    }
}

impl Place {
    pub(super) fn pulse(&self) -> &Arc<Pulse> {
        &self.pulse
    }

    pub(super) fn room(&self) -> &Room {
        &self.room
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inside = self.room.inside.lock().unwrap_or_else(PoisonError::into_inner);
        inside.connections.remove(&self.number);
        metrics::gauge!("keyledger_connections", "listener" => self.room.name).decrement(1);
    }
}
