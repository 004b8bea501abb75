//! The gate: may what the directory says be believed? `/mcp`, verify and the admin API ask this one struct.
//!
//! It is closed until the directory has caught up once, when the log turned out to be another one (for good),
//! when an event about the installation can't be read, while another part of the process holds it, when the clocks
//! are too far apart, and when the directory has not been known to be complete for `max_staleness`. In a fleet that
//! is known only from questions that were asked under the process's lease (`lease`). Asking costs a few atomic loads and one
//! look at the monotonic clock. When it closes, everybody who watches the directory is woken, to ask again.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use events::clock::Clock;
use events::log::StreamInfo;
use events::{LogId, Position};
use tokio::sync::{Notify, watch};

use super::Directory;
use super::freshness::{Answered, Freshness, Question, clock_offset_millis};
use super::proof::Proof;

mod checkpoints;
mod closed;
mod measure;

pub use closed::NotReady;
pub use measure::Aging;

/// What the gate goes by.
#[derive(Clone, Copy, Debug)]
pub struct GateConfig {
    /// Not known to be complete for this long: closed. 60 s.
    pub max_staleness: Duration,
    pub on_stale: OnStale,
    /// Further apart from the log's clock: closed. 10 s.
    pub max_clock_skew: Duration,
    /// Whether the process is one of a fleet, and proves nothing without its lease.
    pub needs_lease: bool,
}

impl Default for GateConfig {
    fn default() -> Self {
        Self {
            max_staleness: Duration::from_secs(60),
            on_stale: OnStale::Refuse,
            max_clock_skew: Duration::from_secs(10),
            needs_lease: false,
        }
    }
}

/// What a stale node does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OnStale {
    /// Stops authenticating and ends open streams.
    #[default]
    Refuse,
    /// Goes on, and says so: [`Gate::serving_stale`].
    Serve,
}

/// How things stand, for status pages and `/readyz`.
#[derive(Clone, Debug, serde::Serialize)]
pub struct GateStatus {
    pub log: Option<LogId>,
    pub applied: u64,
    pub target: u64,
    /// Seconds since the directory was known to be complete; `null`: never yet.
    pub age_seconds: Option<f64>,
    pub clock_offset_millis: i64,
    pub serving_stale: bool,
    /// Why the gate is closed; `null`: it is open.
    pub not_ready: Option<String>,
}

pub struct Gate {
    config: GateConfig,
    clock: Arc<dyn Clock>,
    directory: Arc<Directory>,
    /// What `fresh_as_of` counts from.
    base: Instant,
    phase: AtomicU8,
    /// Nanoseconds after `base`, and one; 0: never yet.
    fresh_as_of: AtomicU64,
    offset_millis: AtomicI64,
    log: OnceLock<LogId>,
    diverged: OnceLock<String>,
    held: Mutex<Option<String>>,
    /// Whether `held` says something: what the request path reads.
    is_held: AtomicBool,
    /// How much of a snapshot is there, while one is loaded: bytes of all its bytes.
    loading: Mutex<Option<(u64, u64)>>,
    freshness: Mutex<Freshness>,
    proof: Mutex<Proof>,
    /// Whether the log's checkpoints have been looked at: what the request path reads.
    is_attested: AtomicBool,
    /// A lease has begun: what is asked counts from now on.
    lease_began: Notify,
    applied: watch::Sender<u64>,
}

const STARTING: u8 = 0;
const NOT_BOOTSTRAPPED: u8 = 1;
const CAUGHT_UP: u8 = 2;
const DIVERGED: u8 = 3;

impl Gate {
    /// A closed gate before a directory; `follow::run` opens it.
    pub fn new(directory: Arc<Directory>, clock: Arc<dyn Clock>, config: GateConfig) -> Self {
        Self {
            config,
            base: clock.instant(),
            clock,
            directory,
            phase: AtomicU8::new(STARTING),
            fresh_as_of: AtomicU64::new(0),
            offset_millis: AtomicI64::new(0),
            log: OnceLock::new(),
            diverged: OnceLock::new(),
            held: Mutex::new(None),
            is_held: AtomicBool::new(false),
            loading: Mutex::new(None),
            freshness: Mutex::new(if config.needs_lease {
                Freshness::leased()
            } else {
                Freshness::default()
            }),
            proof: Mutex::default(),
            is_attested: AtomicBool::new(false),
            lease_began: Notify::new(),
            applied: watch::Sender::new(0),
        }
    }

    /// Whether the directory may be believed now.
    pub fn check(&self) -> Result<(), NotReady> {
        self.check_but_for_age()?;
        let age = self.age_since_fresh();
        if age > self.config.max_staleness && self.config.on_stale == OnStale::Refuse {
            return Err(NotReady::Stale { age, max: self.config.max_staleness });
        }
        Ok(())
    }

    /// Keeps the gate closed for a reason from outside, until `None`.
    pub fn hold(&self, reason: Option<String>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_held.store(reason.is_some(), Ordering::Release);
        *held = reason;
        drop(held);
        self.tell_if_closed();
    }

    /// Says how much of a snapshot is loaded: bytes of all its bytes; `None`: none is being loaded.
    pub fn loading(&self, progress: Option<(u64, u64)>) {
        *self.loading.lock().unwrap_or_else(PoisonError::into_inner) = progress;
    }

    /// How old what is served is, when that is more than `max_staleness` and `on_stale` says to go on.
    pub fn serving_stale(&self) -> Option<Duration> {
        self.check().ok()?;
        let age = self.age_since_fresh();
        (age > self.config.max_staleness).then_some(age)
    }

    /// How long ago the directory was known to be complete; `None`: never yet.
    pub fn age(&self) -> Option<Duration> {
        (self.fresh_as_of.load(Ordering::Acquire) != 0).then(|| self.age_since_fresh())
    }

    /// The sequence of the last message that was applied.
    pub fn applied(&self) -> u64 {
        self.directory.applied()
    }

    /// Where the directory has come to; `None` until the log is known.
    pub fn position(&self) -> Option<Position> {
        let log = *self.log.get()?;
        Some(Position { log, shard: events::Shard::ZERO, sequence: self.applied() })
    }

    /// Waits until the event at this position is applied. False: it was not in time, or it is another log's.
    pub async fn wait_applied(&self, position: &Position, timeout: Duration) -> bool {
        let mut applied = self.applied.subscribe();
        let waited = tokio::time::timeout(timeout, applied.wait_for(|applied| *applied >= position.sequence));
        matches!(waited.await, Ok(Ok(_))) && self.log.get() == Some(&position.log)
    }

    /// Follows how far the directory has come.
    pub fn watch_applied(&self) -> watch::Receiver<u64> {
        self.applied.subscribe()
    }

    /// The process's record in the fleet, sent at this moment, has been acknowledged: its lease lasts so long from
    /// then.
    pub fn lease_renewed(&self, sent_at: Instant, lasts: Duration) {
        let now = self.clock.instant();
        let mut freshness = self.lock();
        let held = freshness.has_lease(now);
        freshness.lease_renewed(sent_at, now, lasts);
        if !held && freshness.has_lease(now) {
            self.lease_began.notify_one();
        }
    }

    /// Whether what is asked now counts.
    pub fn holds_lease(&self) -> bool {
        self.lock().has_lease(self.clock.instant())
    }

    /// The process is no member of the fleet any more, and closed until it is one again and has asked the log anew.
    pub fn lease_lost(&self) {
        let mut freshness = self.lock();
        freshness.lease_lost();
        if freshness.as_of().is_none() {
            let _ = self.phase.compare_exchange(CAUGHT_UP, STARTING, Ordering::AcqRel, Ordering::Acquire);
        }
        drop(freshness);
        self.tell_if_closed();
    }

    pub fn status(&self) -> GateStatus {
        GateStatus {
            log: self.log.get().copied(),
            applied: self.applied(),
            target: self.target(),
            age_seconds: self.age().map(|age| age.as_secs_f64()),
            clock_offset_millis: self.offset_millis.load(Ordering::Relaxed),
            serving_stale: self.serving_stale().is_some(),
            not_ready: self.check().err().map(|reason| reason.to_string()),
        }
    }

    pub(super) fn is_caught_up(&self) -> bool {
        self.phase.load(Ordering::Acquire) >= CAUGHT_UP
    }

    pub(super) fn target(&self) -> u64 {
        self.lock().target()
    }

    /// The log's id is known. False: another one was known before.
    pub(super) fn follows(&self, log: LogId) -> bool {
        // From "not bootstrapped" back to "starting".
        let _ = self.phase.compare_exchange(NOT_BOOTSTRAPPED, STARTING, Ordering::AcqRel, Ordering::Acquire);
        *self.log.get_or_init(|| log) == log
    }

    pub(super) fn not_bootstrapped(&self) {
        let _ = self.phase.compare_exchange(STARTING, NOT_BOOTSTRAPPED, Ordering::AcqRel, Ordering::Acquire);
    }

    /// The log is another one, for good.
    pub(super) fn diverged(&self, reason: String) {
        let _ = self.diverged.set(reason);
        self.phase.store(DIVERGED, Ordering::Release);
        self.tell_if_closed();
    }

    pub(super) async fn lease_begins(&self) {
        self.lease_began.notified().await;
    }

    pub(super) fn question(&self) -> Question {
        self.lock().question(self.clock.instant(), self.clock.now())
    }

    /// The log's leader answered.
    pub(super) fn answered(&self, question: &Question, info: &StreamInfo) -> Answered {
        let offset = clock_offset_millis(question.asked_wall, info.server_time, self.clock.now());
        self.offset_millis.store(offset, Ordering::Release);
        let mut freshness = self.lock();
        let answered = freshness.answered(question, info.last_sequence, info.quorum);
        self.publish(&freshness);
        drop(freshness);
        self.tell_if_closed();
        answered
    }

    /// How long until it closes by age alone, unless an answer makes the directory younger.
    pub(super) fn closes_in(&self) -> Duration {
        self.config.max_staleness.saturating_sub(self.age_since_fresh())
    }

    /// Wakes whoever goes on by an open gate, when it is closed. Called after whatever may have closed it.
    pub(super) fn tell_if_closed(&self) {
        if self.check().is_err() {
            self.directory.wake_all();
        }
    }

    /// The directory has applied everything up to this sequence.
    pub(super) fn advance(&self, sequence: u64) {
        let mut freshness = self.lock();
        freshness.applied(sequence);
        self.publish(&freshness);
        drop(freshness);
        self.applied.send_replace(sequence);
    }

    fn publish(&self, freshness: &Freshness) {
        let Some(as_of) = freshness.as_of() else { return };
        let since_base = as_of.saturating_duration_since(self.base).as_nanos();
        self.fresh_as_of
            .store(u64::try_from(since_base).unwrap_or(u64::MAX).saturating_add(1), Ordering::Release);
        // A log that ends before a checkpoint is complete in itself.
        if !self.proof().is_behind() {
            let _ = self.phase.compare_exchange(STARTING, CAUGHT_UP, Ordering::AcqRel, Ordering::Acquire);
        }
    }

    fn check_but_for_age(&self) -> Result<(), NotReady> {
        match self.phase.load(Ordering::Acquire) {
            CAUGHT_UP => {}
            DIVERGED => return Err(NotReady::Diverged(self.diverged.get().cloned().unwrap_or_default())),
            NOT_BOOTSTRAPPED => return Err(NotReady::NotBootstrapped),
            _ => return Err(self.starting()),
        }
        if !self.is_attested.load(Ordering::Acquire) {
            return Err(NotReady::Unattested);
        }
        if let Some(sequence) = self.directory.installation_closed_at() {
            let cause = self.directory.installation_closed_for(sequence);
            return Err(NotReady::InstallationClosed { sequence, cause });
        }
        if self.is_held.load(Ordering::Acquire) {
            let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            return Err(NotReady::Held(held.clone().unwrap_or_default()));
        }
        let offset_millis = self.offset_millis.load(Ordering::Acquire);
        let max_millis = u64::try_from(self.config.max_clock_skew.as_millis()).unwrap_or(u64::MAX);
        if offset_millis.unsigned_abs() > max_millis {
            return Err(NotReady::ClockSkew { offset_millis, max_millis });
        }
        Ok(())
    }

    fn starting(&self) -> NotReady {
        if let Some((loaded, size)) = *self.loading.lock().unwrap_or_else(PoisonError::into_inner) {
            return NotReady::Loading { loaded, size };
        }
        let (applied, freshness) = (self.applied(), self.lock());
        let target = freshness.target();
        if applied >= target && target > 0 && !freshness.has_lease(self.clock.instant()) {
            return NotReady::Unleased;
        }
        NotReady::Starting { applied, target }
    }

    fn age_since_fresh(&self) -> Duration {
        let as_of =
            self.base + Duration::from_nanos(self.fresh_as_of.load(Ordering::Acquire).saturating_sub(1));
        self.clock.instant().saturating_duration_since(as_of)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Freshness> {
        self.freshness.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
