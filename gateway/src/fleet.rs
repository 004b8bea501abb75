//! Who else is there: the members of the fleet, and whether a command holds on all of them.
//!
//! Every process keeps a record of itself in the bucket `KL_FLEET` (`membership`); control knows all of them
//! (`roster`). It promises: [`Proof::complete`] after [`Fleet::barrier`] means that no process of the fleet answers
//! any more as before the position. A member has *applied* it by its own word, or is *fenced*: it was silent for so
//! long that its gate is closed, whatever it knows. Why that holds: `docs/decisions/0011-when-a-command-holds-everywhere.md`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use domain::readers::{Readers, Unreadable};
use events::Position;
use events::clock::Clock;
use projections::lease::Lease;
use tokio::sync::{Notify, watch};
use uuid::Uuid;

pub mod follow;
pub mod forget;
pub mod member;
pub mod membership;
pub mod roster;

pub use member::{Member, Record};
use roster::Roster;

/// The fleet as this process knows it. Cheap to clone.
#[derive(Clone)]
pub struct Fleet(Arc<Shared>);

struct Shared {
    clock: Arc<dyn Clock>,
    roster: Mutex<Roster>,
    /// Counts what happened to the roster.
    changes: watch::Sender<u64>,
    /// Somebody waits for this process's own record to be written anew.
    wish: Notify,
}

/// How long a barrier takes at most: the bucket answers in milliseconds, or has no leader.
const BARRIER: Duration = Duration::from_secs(5);

/// Why it is not known who is in the fleet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FleetError {
    #[error("the fleet's bucket did not confirm within {} s who is a member", BARRIER.as_secs())]
    NotConfirmed,
}

/// What is known of a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// No member answers any more as before it.
    pub complete: bool,
    pub unproven: usize,
    /// Those that authenticate, the longest-lived first.
    pub members: Vec<MemberProof>,
    /// However long one waits, it will not be complete: why.
    pub why_never: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberProof {
    pub id: Uuid,
    pub name: String,
    pub state: MemberState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberState {
    /// It said that it has applied the position.
    Applied,
    /// It was silent for so long that its gate is closed until it has caught up.
    Fenced,
    Unproven,
}

impl Fleet {
    /// A fleet of which nothing is known yet: `membership` and `follow` feed it.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Shared {
            clock,
            roster: Mutex::default(),
            changes: watch::Sender::new(0),
            wish: Notify::new(),
        }))
    }

    /// Waits until every member that held a lease when this was asked is in the roster. Whoever takes a lease later
    /// asks the log later, and finds in it all that was there.
    pub async fn barrier(&self) -> Result<(), FleetError> {
        let asked_at = self.0.clock.instant();
        self.0.wish.notify_one();
        let confirmed = async {
            loop {
                let changed = self.changed();
                if self.lock().complete_as_of().is_some_and(|as_of| as_of >= asked_at) {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(BARRIER, confirmed).await.map_err(|_| FleetError::NotConfirmed)
    }

    /// What is known of a position. It says the truth of all members only after a [`Fleet::barrier`] that was asked
    /// for after the position was acknowledged.
    pub fn proof(&self, position: &Position) -> Proof {
        self.lock().proof(position)
    }

    /// Ends when the roster has changed since this was called, or was confirmed anew: time alone fences too.
    pub fn changed(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut changes = self.0.changes.subscribe();
        async move {
            if changes.changed().await.is_err() {
                std::future::pending().await
            }
        }
    }

    /// A command of this process was acknowledged at this position: how long it takes until every living member has
    /// applied it is measured.
    pub fn acknowledged(&self, position: Position) {
        let now = self.0.clock.instant();
        self.lock().acknowledged(position, now);
    }

    /// Which worker holds what, by the names of the leases.
    pub fn leases(&self) -> BTreeMap<String, Lease> {
        self.lock().leases()
    }

    /// Sets the gauges.
    pub fn measure(&self) {
        self.lock().measure(self.0.clock.instant());
    }

    /// All members, the longest-lived first.
    pub fn roster(&self) -> Vec<Member> {
        self.lock().members()
    }

    /// Everything that was stored before this moment is in the roster. `None`: that was never confirmed yet.
    pub fn complete_as_of(&self) -> Option<Instant> {
        self.lock().complete_as_of()
    }

    /// Tells the roster something.
    pub fn tell<T>(&self, change: impl FnOnce(&mut Roster) -> T) -> T {
        let told = change(&mut self.lock());
        self.0.changes.send_modify(|changes| *changes = changes.wrapping_add(1));
        told
    }

    /// Waits until somebody needs this process's own record to be written anew.
    pub async fn wished(&self) {
        self.0.wish.notified().await;
    }

    /// Waits until this change of the bucket, or a later one, has been seen.
    pub async fn passes(&self, revision: u64) {
        loop {
            let changed = self.changed();
            if self.lock().passed() >= revision {
                return;
            }
            changed.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Roster> {
        self.0.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Readers for Fleet {
    fn can_read(&self, kind: &str, version: u32) -> Result<(), Unreadable> {
        self.lock().can_read(kind, version, self.0.clock.instant())
    }
}
