use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use events::clock::SystemClock;

use super::*;

/// So many workers of each sort.
const WORKERS_THERE: u128 = 100;

/// Workers' entries: those of even ids are taken away, and listed.
#[derive(Default)]
struct Entries {
    read: Mutex<BTreeSet<String>>,
    /// Reads under way, and the most that there were.
    reading: AtomicUsize,
    at_once: AtomicUsize,
}

#[async_trait]
impl LeaseStore for Entries {
    async fn read(&self, entry: &str) -> Result<Option<Stored>, LeaseError> {
        self.at_once.fetch_max(self.reading.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
        tokio::task::yield_now().await;
        self.reading.fetch_sub(1, Ordering::Relaxed);
        self.read.lock().unwrap().insert(entry.to_owned());
        let id: Uuid = entry.strip_prefix(WORKERS).unwrap().parse().unwrap();
        let there = id.as_u128() % 2 == 1;
        Ok(there.then(|| Stored { value: Vec::new(), revision: 1 }))
    }

    async fn entries(&self, prefix: &str) -> Result<Vec<String>, LeaseError> {
        Ok((0..2 * WORKERS_THERE).map(|id| format!("{prefix}{}", Uuid::from_u128(id))).collect())
    }

    async fn write(&self, _entry: &str, _value: Vec<u8>, _expected: u64) -> Result<u64, LeaseError> {
        Err(LeaseError::Conflict)
    }

    async fn delete(&self, _entry: &str, _expected: u64) -> Result<(), LeaseError> {
        Err(LeaseError::Conflict)
    }
}

/// A day's restarts leave as many names: they must not make each look longer than a lease.
#[tokio::test]
async fn entries_are_read_at_once_and_those_of_ended_workers_once() {
    let store = Arc::new(Entries::default());
    let worker = Worker {
        id: Uuid::max(),
        name: "test".to_owned(),
        lease: Duration::from_secs(10),
        shared: Vec::new(),
    };
    let (tell, _held) = Holding::new();
    let mut leasing = Leasing::new(Arc::clone(&store) as _, Arc::new(SystemClock), worker, tell);
    leasing.look().await.unwrap();
    assert_eq!(store.at_once.load(Ordering::Relaxed), READ_AT_ONCE);
    store.read.lock().unwrap().clear();
    leasing.look().await.unwrap();
    let there = (0..WORKERS_THERE).map(|id| format!("{WORKERS}{}", Uuid::from_u128(2 * id + 1)));
    assert_eq!(*store.read.lock().unwrap(), there.collect());
}
