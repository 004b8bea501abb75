//! This process's own place in the fleet: a record of itself, which it alone changes, by compare-and-set.
//!
//! An acknowledged record is a lease (`projections::directory::lease`), and without one the gate takes no proof of
//! freshness. The record is written anew each quarter of the lease, when the directory has moved on (at once, then
//! at most every 100 ms), and when somebody in this process waits for a barrier. In good order the gate closes
//! first, then the record goes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use events::clock::{Clock, Random, uuid_v7};
use events::lasting::{Lasting, Words};
use events::position::Frontier;
use events::{Event, Shard, Timestamp};
use projections::directory::Gate;
use projections::directory::gate::OnStale;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Fleet;
use super::member::{self, Record};
use crate::config::Role;
use crate::store::bucket::{Bucket, BucketError};
use crate::telemetry::asked::Lacks;

/// How often a directory that moves on says so.
const COALESCE: Duration = Duration::from_millis(100);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// A record that nobody answers for is written again after this long, or earlier for a short lease.
const ANSWER: Duration = Duration::from_secs(3);

/// What a process says of itself that stays the same.
#[derive(Clone, Debug)]
pub struct About {
    pub name: String,
    pub roles: Vec<Role>,
    pub on_stale: OnStale,
    pub max_staleness: Duration,
    pub lease: Duration,
}

/// Keeps the record until it is told to end.
pub struct Membership {
    about: About,
    bucket: Bucket,
    fleet: Fleet,
    /// `None`: a process that answers for no keys.
    gate: Option<Arc<Gate>>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    lacks: Lacks,
    started_at: Timestamp,
    own: Own,
    /// Follows how far the directory has come.
    applied: Option<watch::Receiver<u64>>,
}

/// The record as the bucket has it.
struct Own {
    id: Uuid,
    /// What the next change must expect.
    revision: u64,
    frontier: Option<Frontier>,
    /// When a directory that had moved on was last told of.
    moved_at: Option<Instant>,
}

impl Membership {
    pub fn new(
        about: About,
        bucket: Bucket,
        fleet: Fleet,
        gate: Option<Arc<Gate>>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        lacks: Lacks,
    ) -> Self {
        let own = Own::new(&*clock, &*random);
        let bucket = bucket.within(ANSWER.min(about.lease / 4));
        let applied = gate.as_ref().map(|gate| gate.watch_applied());
        Self { about, bucket, fleet, gate, started_at: clock.now(), clock, random, lacks, own, applied }
    }

    pub async fn run(mut self, ending: CancellationToken) {
        let mut pause = FIRST_PAUSE;
        let words = Words {
            lasts: "this process's lease in the fleet is not renewed",
            ends: "this process's lease in the fleet is renewed again",
        };
        let unleased = Lasting::new(Arc::clone(&self.clock), words);
        loop {
            let wait = match self.write().await {
                Ok(()) => {
                    unleased.ended();
                    pause = FIRST_PAUSE;
                    None
                }
                Err(error) => {
                    unleased.warn(&error);
                    metrics::counter!("keyledger_fleet_renewal_failures_total").increment(1);
                    let wait = pause;
                    pause = (pause * 2).min(LONGEST_PAUSE).min(self.about.lease / 4);
                    Some(wait)
                }
            };
            let due = async {
                match wait {
                    Some(wait) => tokio::time::sleep(wait).await,
                    None => self.due().await,
                }
            };
            tokio::select! {
                biased;
                () = ending.cancelled() => break,
                () = due => {}
            }
        }
        self.leave().await;
    }

    /// Waits until the record is to be written anew.
    async fn due(&mut self) {
        let Self { applied, own, clock, fleet, about, .. } = self;
        let moved = async {
            let Some(applied) = applied else { return std::future::pending().await };
            if applied.changed().await.is_err() {
                return std::future::pending().await;
            }
            let rest = own.moved_at.map_or(Duration::ZERO, |moved_at| {
                COALESCE.saturating_sub(clock.instant().saturating_duration_since(moved_at))
            });
            tokio::time::sleep(rest).await;
        };
        let wished = async {
            fleet.wished().await;
            // Replaced before it came back, the last one would confirm nothing.
            let _ = tokio::time::timeout(COALESCE, fleet.passes(own.revision)).await;
        };
        tokio::select! {
            () = tokio::time::sleep(about.lease / 4) => {}
            () = moved => {}
            () = wished => {}
        }
    }

    async fn write(&mut self) -> Result<(), BucketError> {
        if let Some(applied) = &mut self.applied {
            applied.mark_unchanged();
        }
        let record = self.record();
        let value = serde_json::to_vec(&record).map_err(|error| self.bucket.unavailable(error))?;
        // Nothing fences who serves however old its knowledge is: its record stays until it ends, or an operator says
        // that it has.
        let bucket =
            if record.is_never_fenced() { self.bucket.clone().lasting() } else { self.bucket.clone() };
        let sent_at = self.clock.instant();
        match bucket.put(&member::entry(self.own.id), value.into(), self.own.revision).await {
            Ok(revision) => {
                if record.frontier != self.own.frontier {
                    self.own.moved_at = Some(sent_at);
                }
                self.own.frontier = record.frontier;
                self.own.revision = revision;
                if let Some(gate) = &self.gate {
                    gate.lease_renewed(sent_at, self.about.lease);
                }
                self.fleet.tell(|roster| roster.wrote(revision, sent_at));
                Ok(())
            }
            Err(BucketError::Conflict) => {
                self.settle().await?;
                Err(BucketError::Conflict)
            }
            Err(error @ BucketError::Unavailable { .. }) => Err(error),
        }
    }

    /// The record is not as this process left it: an acknowledgement was lost, or somebody has taken it away, to whom
    /// this process is no member any more.
    async fn settle(&mut self) -> Result<(), BucketError> {
        let found = self.bucket.get(&member::entry(self.own.id)).await?;
        match found {
            Some(entry) if entry.revision > self.own.revision => self.own.revision = entry.revision,
            Some(_) | None => {
                tracing::warn!(member = %self.own.id, "this process is no member of the fleet any more: it joins anew");
                if let Some(gate) = &self.gate {
                    gate.lease_lost();
                }
                self.own = Own::new(&*self.clock, &*self.random);
            }
        }
        Ok(())
    }

    async fn leave(self) {
        if let Some(gate) = &self.gate {
            gate.lease_lost();
        }
        if let Err(error) = self.bucket.delete(&member::entry(self.own.id), self.own.revision).await {
            tracing::warn!(%error, "this process's record stays in the fleet until others count it as fenced");
        }
    }

    fn record(&self) -> Record {
        let status = self.gate.as_ref().map(|gate| gate.status());
        let frontier = status.as_ref().and_then(|status| {
            let mut frontier = Frontier::start(status.log?);
            frontier.advance(Shard::ZERO, status.applied);
            Some(frontier)
        });
        let age = status.as_ref().and_then(|status| status.age_seconds);
        let reason = status.as_ref().and_then(|status| status.not_ready.clone());
        Record {
            id: self.own.id,
            name: self.about.name.clone(),
            roles: self.about.roles.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            frontier,
            fresh_age_millis: age.map(millis),
            ready: reason.is_none(),
            reason,
            lacks: self.lacks.now(),
            clock_offset_millis: status.map_or(0, |status| status.clock_offset_millis),
            reads: reads(),
            on_stale: self.about.on_stale,
            max_staleness_millis: whole_millis(self.about.max_staleness),
            lease_millis: whole_millis(self.about.lease),
            started_at: self.started_at,
        }
    }
}

impl Own {
    fn new(clock: &dyn Clock, random: &dyn Random) -> Self {
        Self { id: uuid_v7(clock, random), revision: 0, frontier: None, moved_at: None }
    }
}

/// The newest version that this process reads of each kind of event.
fn reads() -> BTreeMap<String, u32> {
    let mut reads = BTreeMap::new();
    for (kind, version) in Event::WRITTEN {
        let newest = reads.entry((*kind).to_owned()).or_insert(0);
        *newest = (*newest).max(*version);
    }
    reads
}

fn millis(seconds: f64) -> u64 {
    whole_millis(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

fn whole_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
