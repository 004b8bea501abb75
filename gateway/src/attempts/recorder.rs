//! Where requests tell of steps: the same step of the same visitor once a minute, so many in a minute, and a queue that drops
//! what it has no room for.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use events::Timestamp;
use events::clock::Clock;
use moka::sync::Cache;
use tokio::sync::mpsc;

use super::step::Step;

/// Steps that wait to be stored.
const QUEUE: usize = 1_024;
/// Steps of one process in a minute: whoever asks without an end fills no stream with them.
const IN_A_MINUTE: u32 = 600;
/// What was told in this minute is known of so many.
const KNOWN: u64 = 10_000;
const MINUTE: Duration = Duration::from_secs(60);

/// Cheap to clone.
#[derive(Clone)]
pub struct Recorder(Arc<Shared>);

struct Shared {
    queue: mpsc::Sender<Step>,
    told: Cache<Step, ()>,
    /// When the present minute began, and how many were told in it.
    minute: Mutex<(Instant, u32)>,
    clock: Arc<dyn Clock>,
}

impl Recorder {
    /// With the queue that a [`Writer`](super::Writer) stores from.
    pub fn new(clock: Arc<dyn Clock>) -> (Self, mpsc::Receiver<Step>) {
        let (queue, steps) = mpsc::channel(QUEUE);
        let told = Cache::builder().max_capacity(KNOWN).time_to_live(MINUTE).build();
        let minute = Mutex::new((clock.instant(), 0));
        (Self(Arc::new(Shared { queue, told, minute, clock })), steps)
    }

    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Tells of a step, unless that was told a moment ago.
    pub fn tell(&self, step: Step) {
        let same = Step { at: Timestamp::UNIX_EPOCH, ..step.clone() };
        if !self.0.told.entry(same).or_insert(()).is_fresh() {
            return;
        }
        if !self.has_room() || self.0.queue.try_send(step).is_err() {
            dropped(1);
        }
    }

    fn has_room(&self) -> bool {
        let now = self.0.clock.instant();
        let mut minute = self.0.minute.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(minute.0) >= MINUTE {
            *minute = (now, 0);
        }
        minute.1 = minute.1.saturating_add(1);
        minute.1 <= IN_A_MINUTE
    }
}

pub(super) fn dropped(count: u64) {
    metrics::counter!("keyledger_attempt_steps_dropped_total").increment(count);
}
