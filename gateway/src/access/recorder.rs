//! Where requests tell what they did. It costs a look into two caches and a place in a queue; a full queue drops, and
//! counts what it dropped.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use events::clock::Clock;
use events::{KeyId, Timestamp};
use moka::sync::Cache;
use tokio::sync::mpsc;

use super::counts::Counts;
use super::record::{Kind, Told};

/// Records that wait to be stored.
const QUEUE: usize = 4_096;
/// What is told once in a time is known of so many; of more it is told again.
const KNOWN: u64 = 10_000;
const HOUR: Duration = Duration::from_secs(60 * 60);
const MINUTE: Duration = Duration::from_secs(60);

/// Cheap to clone.
#[derive(Clone)]
pub struct Recorder(Arc<Shared>);

struct Shared {
    queue: mpsc::Sender<Told>,
    hour: Cache<Same, ()>,
    minute: Cache<Same, ()>,
    counts: Mutex<Counts>,
    clock: Arc<dyn Clock>,
}

/// What is told once in a time.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Same {
    key: KeyId,
    kind: Kind,
    /// What was read, or from where it was asked.
    what: String,
}

impl Recorder {
    /// With the queue that a [`Writer`](super::Writer) stores from.
    pub fn new(clock: Arc<dyn Clock>) -> (Self, mpsc::Receiver<Told>) {
        let (queue, told) = mpsc::channel(QUEUE);
        let cache = |lasts| Cache::builder().max_capacity(KNOWN).time_to_live(lasts).build();
        let shared =
            Shared { queue, hour: cache(HOUR), minute: cache(MINUTE), counts: Mutex::default(), clock };
        (Self(Arc::new(shared)), told)
    }

    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Tells of a request, unless that was told, or so much was told of its key.
    pub fn tell(&self, told: Told) {
        if let Some(who) = told.who {
            let same = |what| Same { key: who.key, kind: told.kind, what };
            let is_new = match told.kind {
                Kind::AuthenticationAccepted => is_new(&self.0.hour, same(address(&told))),
                Kind::AccessRead => is_new(&self.0.hour, same(String::new())),
                Kind::TextRead => is_new(&self.0.minute, same(what(&told))),
                Kind::AuthenticationRefused => is_new(&self.0.minute, same(address(&told))),
                Kind::CommandRefused | Kind::RecordsOmitted => true,
            };
            if !is_new || !self.counts().has_room(who) {
                return;
            }
        }
        self.send(told);
    }

    /// Somebody came with a credential that nobody has.
    pub fn unknown(&self) {
        self.counts().unknown();
    }

    /// The minute ends: what was only counted in it.
    pub(super) fn end_minute(&self) -> Vec<Told> {
        self.counts().end(self.0.clock.now())
    }

    fn send(&self, told: Told) {
        if self.0.queue.try_send(told).is_err() {
            dropped(1);
        }
    }

    fn counts(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.0.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn dropped(count: u64) {
    metrics::counter!("keyledger_access_records_dropped_total").increment(count);
}

fn is_new(cache: &Cache<Same, ()>, same: Same) -> bool {
    cache.entry(same).or_insert(()).is_fresh()
}

fn address(told: &Told) -> String {
    told.address.map_or_else(String::new, |address| address.to_string())
}

fn what(told: &Told) -> String {
    let mut what = told.route.clone().unwrap_or_default();
    for (name, id) in &told.ids {
        // Writing into a String can't fail.
        let _ = write!(what, " {name}={id}");
    }
    what
}

#[cfg(test)]
mod tests {
    use events::clock::SystemClock;
    use events::{KeyId, Owner};
    use uuid::Uuid;

    use super::super::counts::OF_ONE_KEY;
    use super::super::record::Who;
    use super::*;

    fn told(kind: Kind, key: u128) -> Told {
        let who = Who { key: KeyId::new(Uuid::from_u128(key)), owner: Owner::Installation };
        Told::new(kind, Timestamp::UNIX_EPOCH, Some(who), Owner::Installation)
    }

    #[tokio::test]
    async fn the_same_is_told_once_in_its_time() {
        let (recorder, mut queue) = Recorder::new(Arc::new(SystemClock));
        let from = |key, address: &str| Told {
            address: Some(address.parse().unwrap()),
            ..told(Kind::AuthenticationAccepted, key)
        };
        let read = |id| Told {
            route: Some("/api/v1/x".to_owned()),
            ids: [("key".to_owned(), Uuid::from_u128(id))].into(),
            ..told(Kind::TextRead, 1)
        };
        for _ in 0..3 {
            recorder.tell(from(1, "192.0.2.1"));
            recorder.tell(from(1, "192.0.2.2"));
            recorder.tell(from(2, "192.0.2.1"));
            recorder.tell(read(1));
            recorder.tell(read(2));
            recorder.tell(told(Kind::AccessRead, 1));
            // Each counts.
            recorder.tell(told(Kind::CommandRefused, 1));
        }
        let mut kinds = Vec::new();
        while let Ok(told) = queue.try_recv() {
            kinds.push(told.kind);
        }
        let count = |kind| kinds.iter().filter(|it| **it == kind).count();
        assert_eq!(count(Kind::AuthenticationAccepted), 3);
        assert_eq!(count(Kind::TextRead), 2);
        assert_eq!(count(Kind::AccessRead), 1);
        assert_eq!(count(Kind::CommandRefused), 3);
    }

    #[tokio::test]
    async fn a_full_queue_drops_and_a_key_has_its_bound() {
        let (recorder, mut queue) = Recorder::new(Arc::new(SystemClock));
        for key in 0..200 {
            (0..OF_ONE_KEY + 1).for_each(|_| recorder.tell(told(Kind::CommandRefused, key)));
        }
        let mut waiting = 0;
        while queue.try_recv().is_ok() {
            waiting += 1;
        }
        assert_eq!(waiting, QUEUE);
        assert_eq!(recorder.end_minute().len(), 200);
    }
}
