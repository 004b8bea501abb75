//! Leases: which worker keeps what. Each thing that one worker at a time should do has an entry that is changed by
//! compare-and-set; its holder renews it, and whoever has seen no renewal for a lease's time takes it over.
//!
//! It promises: what a worker leaves in good order is taken up within a quarter of the lease time; what it leaves
//! without a word, within the lease time and a half; live workers hold equal shares. It does not promise that there
//! is never a second holder for a moment: clocks run apart and processes are stopped. Whoever writes under a lease
//! has a fence of its own (a checkpoint's place), which decides.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use events::Timestamp;
use events::clock::Clock;
use events::lasting::{Lasting, Words};
use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

mod table;
#[cfg(test)]
mod tests;

use table::{Step, Table};

/// Entries that change by compare-and-set, the same for all workers.
#[async_trait]
pub trait LeaseStore: Send + Sync + 'static {
    /// `None`: it was never there.
    async fn read(&self, entry: &str) -> Result<Option<Stored>, LeaseError>;

    /// The entries whose names begin so.
    async fn entries(&self, prefix: &str) -> Result<Vec<String>, LeaseError>;

    /// Stores a value where the entry is at this revision (0: was never there); the answer is its new revision.
    async fn write(&self, entry: &str, value: Vec<u8>, expected: u64) -> Result<u64, LeaseError>;

    /// Takes the entry away where it is at this revision.
    async fn delete(&self, entry: &str, expected: u64) -> Result<(), LeaseError>;
}

/// An entry as it was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stored {
    pub value: Vec<u8>,
    pub revision: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    #[error("the entry has changed since it was read")]
    Conflict,
    /// It may be stored or not.
    #[error("{0}")]
    Unavailable(String),
}

/// The value of `lease.<name>`, as JSON.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Lease {
    /// The worker, a new id at each start; `null`: nobody, it was given back.
    pub holder: Option<Uuid>,
    /// What people call the worker.
    pub name: String,
    /// Since when this worker holds it, by the worker's clock.
    pub since: Timestamp,
}

/// Where a lease's entry is.
pub fn entry(name: &str) -> String {
    format!("lease.{name}")
}

/// The value of `worker.<id>`, as JSON.
#[derive(Serialize, Deserialize)]
struct Presence {
    name: String,
    /// What it shares with others.
    shared: BTreeSet<String>,
}

/// Each live worker has an entry here, which it renews.
const WORKERS: &str = "worker.";

/// Workers' entries that are read at the same time, at most.
const READ_AT_ONCE: usize = 32;

/// A worker among others.
#[derive(Clone, Debug)]
pub struct Worker {
    /// New at each start.
    pub id: Uuid,
    pub name: String,
    /// How long a lease lasts without a renewal. A quarter of it passes between renewals.
    pub lease: Duration,
    /// What the workers share.
    pub shared: Vec<&'static str>,
}

/// What a worker holds now. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Held(watch::Receiver<BTreeSet<&'static str>>);

/// Where a worker tells what it holds.
#[derive(Clone, Debug)]
pub struct Holding(watch::Sender<BTreeSet<&'static str>>);

impl Held {
    pub fn now(&self) -> BTreeSet<&'static str> {
        self.0.borrow().clone()
    }

    /// Waits until the worker holds this lease. Never, once the worker has ended.
    pub async fn taken(&mut self, name: &str) {
        if self.0.wait_for(|held| held.contains(name)).await.is_err() {
            std::future::pending().await
        }
    }

    /// Waits until the worker holds this lease no more.
    pub async fn lost(&mut self, name: &str) {
        // An error: the worker has ended, and with it all that it held.
        let _ = self.0.wait_for(|held| !held.contains(name)).await;
    }
}

/// Takes, renews and gives back leases until it is cancelled.
pub struct Leasing {
    store: Arc<dyn LeaseStore>,
    clock: Arc<dyn Clock>,
    worker: Worker,
    table: Table,
    /// The worker's own entry.
    presence: u64,
    /// Workers that have taken their entries away. The names stay listed for long, and no worker comes back.
    ended: BTreeSet<Uuid>,
    /// Since when each lease is held, and from before its last renewal was sent.
    held: BTreeMap<&'static str, (Timestamp, Instant)>,
    tell: Holding,
}

impl Holding {
    /// For one worker, however often it rests.
    pub fn new() -> (Self, Held) {
        let (tell, held) = watch::channel(BTreeSet::new());
        (Self(tell), Held(held))
    }
}

impl Leasing {
    /// What it holds is told through `tell`; a worker that rests for a while comes back as another one, and tells by
    /// the same.
    pub fn new(store: Arc<dyn LeaseStore>, clock: Arc<dyn Clock>, worker: Worker, tell: Holding) -> Self {
        let table = Table::new(worker.id, worker.lease, worker.shared.clone());
        let (ended, leases) = (BTreeSet::new(), BTreeMap::new());
        Self { store, clock, worker, table, presence: 0, ended, held: leases, tell }
    }

    /// Cancelled, it gives back what it holds, so that nobody has to wait for it.
    pub async fn run(mut self, cancel: CancellationToken) {
        self.publish();
        match cancel.run_until_cancelled(self.keep()).await {
            None => {}
            Some(never) => match never {},
        }
        if tokio::time::timeout(self.worker.lease / 4, self.give_back()).await.is_err() {
            tracing::debug!("leases were not given back: they end by themselves");
        }
        self.held.clear();
        self.publish();
    }

    async fn keep(&mut self) -> Infallible {
        let words = Words {
            lasts: "the workers' leases can't be reached; what is held is held until it ends",
            ends: "the workers' leases can be reached again",
        };
        let unreachable = Lasting::new(Arc::clone(&self.clock), words);
        loop {
            let bound = self.until_the_first_ends();
            let pause = match tokio::time::timeout(bound, self.round()).await {
                Ok(Ok(())) => {
                    unreachable.ended();
                    self.worker.lease / 4
                }
                // Somebody was faster: a look at what they hold now.
                Ok(Err(LeaseError::Conflict)) => self.worker.lease / 40,
                Ok(Err(LeaseError::Unavailable(reason))) => {
                    unreachable.warn(&reason);
                    self.worker.lease / 10
                }
                Err(_) => {
                    unreachable.warn(&"no answer in time");
                    self.worker.lease / 10
                }
            };
            self.let_go_of_what_ended();
            tokio::time::sleep(pause.min(self.until_the_first_ends())).await;
            self.let_go_of_what_ended();
        }
    }

    /// Sees how all stands, and does what follows from it.
    async fn round(&mut self) -> Result<(), LeaseError> {
        self.appear().await?;
        self.look().await?;
        let mut outcome = Ok(());
        for step in self.table.plan(self.clock.instant()) {
            match self.take(step).await {
                Ok(()) => {}
                Err(error @ LeaseError::Conflict) => outcome = Err(error),
                Err(error @ LeaseError::Unavailable(_)) => return Err(error),
            }
        }
        outcome
    }

    /// Renews the worker's own entry.
    async fn appear(&mut self) -> Result<(), LeaseError> {
        let entry = format!("{WORKERS}{}", self.worker.id);
        let shared = self.worker.shared.iter().map(|name| (*name).to_owned()).collect();
        let presence = serde_json::to_vec(&Presence { name: self.worker.name.clone(), shared });
        let presence = presence.map_err(|error| LeaseError::Unavailable(error.to_string()))?;
        match self.store.write(&entry, presence, self.presence).await {
            Ok(revision) => self.presence = revision,
            // An earlier answer was lost.
            Err(LeaseError::Conflict) => {
                self.presence = self.store.read(&entry).await?.map_or(0, |stored| stored.revision);
            }
            Err(error @ LeaseError::Unavailable(_)) => return Err(error),
        }
        Ok(())
    }

    async fn look(&mut self) -> Result<(), LeaseError> {
        self.look_for_workers().await?;
        for name in self.worker.shared.clone() {
            let stored = self.store.read(&entry(name)).await?;
            let revision = stored.as_ref().map_or(0, |stored| stored.revision);
            // What can't be read is held by nobody that a renewal could be expected of.
            let lease = stored.and_then(|stored| serde_json::from_slice::<Lease>(&stored.value).ok());
            let holder = lease.and_then(|lease| lease.holder);
            self.table.saw_lease(name, revision, holder, self.clock.instant());
            if holder != Some(self.worker.id) {
                self.lose(name, "another worker has taken it");
            }
        }
        Ok(())
    }

    async fn look_for_workers(&mut self) -> Result<(), LeaseError> {
        let entries = self.store.entries(WORKERS).await?;
        let listed: BTreeSet<Uuid> =
            entries.iter().filter_map(|entry| entry.strip_prefix(WORKERS)?.parse().ok()).collect();
        self.ended.retain(|id| listed.contains(id));
        let reads: Vec<_> = listed
            .difference(&self.ended)
            .map(|id| {
                let (store, id) = (Arc::clone(&self.store), *id);
                async move { Ok((id, store.read(&format!("{WORKERS}{id}")).await?)) }
            })
            .collect();
        let found: Vec<_> = stream::iter(reads).buffer_unordered(READ_AT_ONCE).try_collect().await?;
        let mut workers = Vec::new();
        for (id, stored) in found {
            match stored {
                Some(stored) => {
                    workers.push((id, stored.revision));
                    if let Ok(Presence { shared, .. }) = serde_json::from_slice(&stored.value) {
                        self.table.saw_list(id, shared);
                    }
                }
                None => drop(self.ended.insert(id)),
            }
        }
        self.table.saw_workers(&workers, self.clock.instant());
        Ok(())
    }

    async fn take(&mut self, step: Step) -> Result<(), LeaseError> {
        let (name, revision, holder) = match step {
            Step::Renew { name, revision } | Step::Take { name, revision } => {
                (name, revision, Some(self.worker.id))
            }
            Step::GiveBack { name, revision } => (name, revision, None),
        };
        if holder.is_none() {
            // Before others can read it.
            self.lose(name, "given to a worker that holds less");
        }
        let asked_at = self.clock.instant();
        let since = self.held.get(name).map_or_else(|| self.clock.now(), |(since, _)| *since);
        let lease = Lease { holder, name: self.worker.name.clone(), since };
        let value = serde_json::to_vec(&lease).map_err(|error| LeaseError::Unavailable(error.to_string()))?;
        let revision = self.store.write(&entry(name), value, revision).await?;
        self.table.saw_lease(name, revision, holder, self.clock.instant());
        if holder.is_some() && self.held.insert(name, (since, asked_at)).is_none() {
            tracing::info!(lease = name, worker = %self.worker.id, "taken");
            self.publish();
        }
        Ok(())
    }

    fn until_the_first_ends(&self) -> Duration {
        let now = self.clock.instant();
        let lease = self.worker.lease;
        self.held
            .values()
            .map(|(_, renewed)| (*renewed + lease).saturating_duration_since(now))
            .min()
            .unwrap_or(lease)
    }

    fn let_go_of_what_ended(&mut self) {
        let now = self.clock.instant();
        let ended = |renewed: &Instant| now.saturating_duration_since(*renewed) >= self.worker.lease;
        let ended: Vec<_> =
            self.held.iter().filter(|(_, (_, renewed))| ended(renewed)).map(|(name, _)| *name).collect();
        for name in ended {
            self.lose(name, "it could not be renewed");
        }
    }

    fn lose(&mut self, name: &'static str, why: &str) {
        if self.held.remove(name).is_some() {
            tracing::info!(lease = name, worker = %self.worker.id, why, "lost");
            self.publish();
        }
    }

    fn publish(&self) {
        for name in &self.worker.shared {
            let held = if self.held.contains_key(name) { 1.0 } else { 0.0 };
            metrics::gauge!("keyledger_lease_held", "lease" => *name).set(held);
        }
        self.tell.0.send_replace(self.held.keys().copied().collect());
    }

    async fn give_back(&mut self) {
        for step in self.table.give_all_back() {
            if let Err(error) = self.take(step).await {
                tracing::debug!(%error, "a lease was not given back: it ends by itself");
            }
        }
        let entry = format!("{WORKERS}{}", self.worker.id);
        if let Err(error) = self.store.delete(&entry, self.presence).await {
            tracing::debug!(%error, "the worker's entry is left behind: it ends by itself");
        }
    }
}
