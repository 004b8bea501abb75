//! Who goes when. Of commands on one aggregate a process carries out one at a time: each has to read the whole history,
//! and a dozen of a long one at once would be more than the connection to the log can bear. The next in turn is handed
//! what was read, and reads only what came after; so is whoever comes soon after, where there was much to read. And no
//! owner has more than its share of what is read at a time.

use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use events::{AggregateType, OrganizationId, Owner, Subject};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Aggregates that are read at a time, and those of one owner.
const READS: usize = 16;
const READS_OF_OWNER: usize = 4;
/// Nobody waits longer for a turn.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// A shorter history is read as fast as what came since.
const WORTH_KEEPING: usize = 16;
/// So many messages of histories are kept altogether, each as its command's id and fingerprint (about 100 bytes).
const KEPT: usize = 100_000;
/// Entries that nobody holds are looked for when there are as many.
const SWEEP_AT: usize = 1_024;

/// Others are before this one, and it waited as long as one waits.
#[derive(Debug)]
pub struct Busy;

pub struct Turns {
    lanes: Held<(String, bool), Lane>,
    shares: Held<Owner, Share>,
    reads: Semaphore,
    kept: Mutex<Kept>,
}

/// The commands on one aggregate. Urgent ones have a lane of their own: they wait for no others.
pub struct Lane {
    turn: Semaphore,
    /// The aggregate as it was last read here.
    known: Mutex<Option<Arc<dyn Any + Send + Sync>>>,
    /// Under which it is kept, if it is.
    use_number: AtomicU64,
}

/// Lanes that were used lately, with how many messages each has read.
#[derive(Default)]
struct Kept {
    by_use: BTreeMap<u64, (Arc<Lane>, usize)>,
    uses: u64,
    messages: usize,
}

struct Share(Semaphore);

/// Values by key, each as long as somebody holds it.
pub struct Held<K, V>(Mutex<HashMap<K, Weak<V>>>);

impl Default for Turns {
    fn default() -> Self {
        Self {
            lanes: Held::default(),
            shares: Held::default(),
            reads: Semaphore::new(READS),
            kept: Mutex::default(),
        }
    }
}

impl Turns {
    pub fn lane(&self, subject: &Subject, urgent: bool) -> Arc<Lane> {
        self.lanes.get((subject.to_string(), urgent))
    }

    /// Keeps what a lane has read of so many messages, if that is worth it, at the cost of those not used for longest.
    pub fn keep(&self, lane: &Arc<Lane>, messages: usize) {
        if (WORTH_KEEPING..=KEPT).contains(&messages) {
            self.kept.lock().unwrap_or_else(PoisonError::into_inner).put(lane, messages);
        }
    }

    /// Waits until the owner of this, and all together, read fewer than they may.
    pub async fn read<T>(&self, subject: &Subject, reading: impl Future<Output = T>) -> Result<T, Busy> {
        let share = self.shares.get(owner(subject));
        let _share = patiently(&share.0).await?;
        let _room = patiently(&self.reads).await?;
        Ok(reading.await)
    }
}

impl Kept {
    fn put(&mut self, lane: &Arc<Lane>, messages: usize) {
        self.uses += 1;
        let before = lane.use_number.swap(self.uses, Ordering::Relaxed);
        if let Some((_, before)) = self.by_use.remove(&before) {
            self.messages -= before;
        }
        self.by_use.insert(self.uses, (Arc::clone(lane), messages));
        self.messages += messages;
        while self.messages > KEPT {
            let Some((_, (_, oldest))) = self.by_use.pop_first() else { break };
            self.messages -= oldest;
        }
    }
}

impl Lane {
    pub async fn turn(&self) -> Result<SemaphorePermit<'_>, Busy> {
        patiently(&self.turn).await
    }

    /// What whoever had the turn before has read.
    pub fn take<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.known().take()?.downcast().ok()
    }

    pub fn keep<T: Any + Send + Sync>(&self, read: Arc<T>) {
        *self.known() = Some(read);
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Option<Arc<dyn Any + Send + Sync>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Lane {
    fn default() -> Self {
        Self { turn: Semaphore::new(1), known: Mutex::new(None), use_number: AtomicU64::new(0) }
    }
}

impl Default for Share {
    fn default() -> Self {
        Self(Semaphore::new(READS_OF_OWNER))
    }
}

async fn patiently(semaphore: &Semaphore) -> Result<SemaphorePermit<'_>, Busy> {
    match tokio::time::timeout(PATIENCE, semaphore.acquire()).await {
        Ok(Ok(permit)) => Ok(permit),
        Ok(Err(_)) | Err(_) => Err(Busy),
    }
}

/// An organization's own history is read at its own cost, although it belongs to the installation.
fn owner(subject: &Subject) -> Owner {
    match OrganizationId::try_from(&subject.aggregate_id) {
        Ok(id) if subject.aggregate_type == AggregateType::Organization => Owner::Organization(id),
        Ok(_) | Err(_) => subject.owner,
    }
}

impl<K, V> Default for Held<K, V> {
    fn default() -> Self {
        Self(Mutex::new(HashMap::new()))
    }
}

impl<K: Hash + Eq, V: Default> Held<K, V> {
    pub fn get(&self, key: K) -> Arc<V> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = held.get(&key).and_then(Weak::upgrade) {
            return value;
        }
        if held.len() >= SWEEP_AT {
            held.retain(|_, value| value.strong_count() > 0);
        }
        let value = Arc::new(V::default());
        held.insert(key, Arc::downgrade(&value));
        value
    }
}
