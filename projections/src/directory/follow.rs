//! Feeds the directory from the log and the gate with what the log's leader says, until it is told to stop.
//!
//! It never gives up: the log away, it tries again; the log another one, it says so through the gate and stays
//! closed, since what it holds in memory can't be trusted and nothing here takes state back.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use events::clock::Clock;
use events::installation::{InstallationEvent, LossAccepted};
use events::log::{FollowError, Log, ReadError, Stored};
use events::position::Place;
use events::tlog::Hash;
use events::{Event, LogId, Read, SignerSet, Signers, Timestamp};
use futures::StreamExt;
use tokio_util::sync::CancellationToken;

use super::freshness::Answered;
use super::proof::{Checkpoints, CheckpointsError};
use super::{Directory, Gate};

/// How a directory follows.
#[derive(Clone, Copy, Debug)]
pub struct FollowConfig {
    /// How often the log's leader is asked how long the log is. 1 s.
    pub ask_every: Duration,
    /// An answer later than this is none. 5 s.
    pub ask_timeout: Duration,
    /// The longest pause between two tries to reach the log. 2 s.
    pub max_pause: Duration,
}

impl Default for FollowConfig {
    fn default() -> Self {
        Self {
            ask_every: Duration::from_secs(1),
            ask_timeout: Duration::from_secs(5),
            max_pause: Duration::from_secs(2),
        }
    }
}

/// So long after the last moment at which the gate may be open it is closed.
const AFTERWARDS: Duration = Duration::from_millis(1);

/// Messages that are taken from the follower at once, when they are there.
const CHUNK: usize = 512;

/// So many messages are worth another thread.
const APART: usize = 64;

/// Chunks that are decoded at once, at most.
const AT_ONCE: usize = 4;

struct Shell {
    log: Arc<dyn Log>,
    checkpoints: Arc<dyn Checkpoints>,
    directory: Arc<Directory>,
    gate: Arc<Gate>,
    clock: Arc<dyn Clock>,
    config: FollowConfig,
    /// When the log stored the last applied message; milliseconds since 1970.
    stored_at: AtomicI64,
}

/// Follows the log from the directory's place until cancelled. The directory has no other writer.
pub async fn run(
    log: Arc<dyn Log>,
    checkpoints: Arc<dyn Checkpoints>,
    directory: Arc<Directory>,
    gate: Arc<Gate>,
    clock: Arc<dyn Clock>,
    config: FollowConfig,
    cancel: CancellationToken,
) {
    let stored_at = AtomicI64::new(directory.stored_at().map_or(0, Timestamp::unix_millis));
    let shell = Shell { log, checkpoints, directory, gate, clock, config, stored_at };
    tokio::select! {
        biased;
        () = cancel.cancelled() => {}
        never = shell.follow() => match never {},
        never = shell.ask() => match never {},
        never = shell.attest() => match never {},
        never = shell.grow_old() => match never {},
    }
}

impl Shell {
    async fn follow(&self) -> Infallible {
        let mut place = self.directory.place();
        let begun = self.directory.applied();
        let mut pause = Duration::from_millis(50);
        loop {
            let before = self.directory.applied();
            let reason = match self.follow_once(&mut place).await {
                FollowError::Unavailable(reason) => reason,
                FollowError::NotBootstrapped if place.is_none() => {
                    self.gate.not_bootstrapped();
                    pause = pause.min(Duration::from_millis(250));
                    "nothing in it yet".to_owned()
                }
                FollowError::NotBootstrapped => self.diverged("it is empty now".to_owned()).await,
                FollowError::Diverged(reason) if begun > 0 && self.directory.applied() == begun => {
                    // Whatever else is restarted, it would begin with the same snapshot again.
                    let snapshot = "it lacks what the newest snapshot holds; if this log is the right one, run \
                                    `keyledger snapshots discard` first";
                    self.diverged(format!("{snapshot}: {reason}")).await
                }
                FollowError::Diverged(reason) => self.diverged(reason).await,
            };
            if self.directory.applied() > before {
                pause = Duration::from_millis(50);
            }
            tracing::warn!(%reason, ?pause, "the directory does not follow the log; trying again");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(self.config.max_pause);
        }
    }

    /// Follows until it can't: the reason.
    async fn follow_once(&self, place: &mut Option<Place>) -> FollowError {
        let log = match self.log.id().await {
            Ok(log) => log,
            Err(ReadError::NotBootstrapped) => return FollowError::NotBootstrapped,
            Err(ReadError::Unavailable(reason)) => return FollowError::Unavailable(reason),
            Err(ReadError::ForeignLog(reason)) => return FollowError::Diverged(reason),
        };
        if !self.gate.follows(log) {
            return FollowError::Diverged(format!("its id is {log} now"));
        }
        let signers = self.directory.signers();
        // Chunks are judged before those ahead of them are applied, so the keys are asked for first. What is missed here
        // is judged again.
        if let Err(error) = signers.catch_up(&*self.log).await {
            tracing::warn!(%error, "the keys that sign events are not known yet");
        }
        let mut chunks = match self.log.follow(*place).await {
            Ok(follower) => {
                let judged = |chunk| decode(log, Arc::clone(&signers), chunk);
                follower.ready_chunks(CHUNK).map(judged).buffered(AT_ONCE)
            }
            Err(error) => return error,
        };
        // What a snapshot brought counts once the log has been seen to hold the event at its place.
        self.gate.advance(self.directory.applied());
        while let Some(chunk) = chunks.next().await {
            if let Err(error) = self.apply(log, chunk, place) {
                return error;
            }
        }
        FollowError::Unavailable("the follower ended".to_owned())
    }

    fn apply(
        &self,
        log: LogId,
        Chunk { judged_by, items }: Chunk,
        place: &mut Option<Place>,
    ) -> Result<(), FollowError> {
        let signers = self.directory.signers();
        let mut now = signers.now();
        let caught_up = self.gate.is_caught_up();
        // Nothing of what contradicts a checkpoint is applied.
        for decoded in items.iter().filter_map(|item| item.as_ref().ok()) {
            self.accept_loss(log, decoded);
            self.gate.read(decoded.leaf).map_err(FollowError::Diverged)?;
        }
        let mut applied = 0;
        let mut end = Ok(());
        for item in items {
            let Decoded { stored, read, leaf: _ } = match item {
                Ok(decoded) => decoded,
                Err(error) => {
                    end = Err(error);
                    break;
                }
            };
            // A key may have been published, or retired, since it was judged.
            let read = if Arc::ptr_eq(&judged_by, &now) { read } else { signers.read(&stored, log) };
            self.directory.apply(&read);
            if matches!(&read, Read::Event(recorded) if matches!(recorded.event, Event::Installation(_))) {
                now = signers.now();
            }
            *place = Some(Place { log, sequence: stored.sequence, event: read.event_id() });
            self.stored_at.store(stored.stored_at.unix_millis(), Ordering::Relaxed);
            applied += 1;
        }
        if applied > 0 {
            self.gate.advance(self.directory.applied());
            metrics::counter!("keyledger_directory_events_applied_total").increment(applied);
            if caught_up {
                let delay = self.clock.now().since(self.last_stored_at());
                metrics::histogram!("keyledger_directory_apply_delay_seconds").record(delay.as_secs_f64());
            }
        }
        end
    }

    /// Whether an operator's word comes next that something is lost, by a writer's signature.
    fn accept_loss(&self, log: LogId, Decoded { stored, read, leaf: _ }: &Decoded) {
        if loss_of(read).is_none() {
            return;
        }
        let judged = self.directory.signers().now().read(stored, log);
        if loss_of(&judged).is_some_and(|accepted| self.gate.accept(accepted)) {
            tracing::warn!(sequence = stored.sequence, "an operator has accepted that the log lost its tail");
        }
    }

    async fn diverged(&self, reason: String) -> String {
        tracing::error!(%reason, "the log is not the one that was followed: closed until a restart");
        self.gate.diverged(reason);
        std::future::pending().await
    }

    async fn ask(&self) -> Infallible {
        let mut progress = Progress { said_ready: false, applied: 0 };
        loop {
            self.ask_once().await;
            self.measure();
            progress.say(&self.gate);
            tokio::select! {
                () = tokio::time::sleep(self.config.ask_every) => {}
                () = self.gate.lease_begins() => {}
            }
        }
    }

    async fn ask_once(&self) {
        let question = self.gate.question();
        let answer = tokio::time::timeout(self.config.ask_timeout, self.log.info()).await;
        if let Ok(Ok(info)) = &answer
            && let Err(contradiction) = self.gate.ends_at(info)
        {
            self.diverged(contradiction).await;
        }
        let reason = match answer {
            Ok(Ok(info)) => match self.gate.answered(&question, &info) {
                Answered::Fresh | Answered::Behind(_) | Answered::Empty => {
                    let behind = self.gate.target() > self.gate.applied();
                    let lag =
                        if behind { info.server_time.since(self.last_stored_at()) } else { Duration::ZERO };
                    metrics::gauge!("keyledger_directory_lag_seconds").set(lag.as_secs_f64());
                    return;
                }
                // Whoever renews the lease says why there is none.
                Answered::Unleased => return,
                Answered::Shorter => format!(
                    "its leader says that it ends at {}, before what was applied ({})",
                    info.last_sequence, question.applied
                ),
                Answered::NoMajority => info.quorum.to_string(),
            },
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        tracing::warn!(%reason, age = ?self.gate.age(), "the log's leader proved nothing: the directory grows older");
    }

    /// Looks at the log's checkpoints, before anything rests on it and from then on.
    async fn attest(&self) -> Infallible {
        let mut said = false;
        loop {
            let found = match self.log.id().await {
                Ok(log) => self.checkpoints.newest(log).await,
                Err(error) => Err(CheckpointsError::Unavailable(error.to_string())),
            };
            match found {
                Ok(found) => {
                    said = false;
                    if let Err(contradiction) = self.gate.attested(found) {
                        self.diverged(contradiction).await;
                    }
                    // Events are judged all the same: what a writer did not sign lies under a checkpoint as well.
                }
                Err(CheckpointsError::Forged(reason)) => {
                    self.diverged(reason).await;
                }
                Err(error @ CheckpointsError::Unavailable(_)) if !said => {
                    said = true;
                    tracing::warn!(%error, "the log was not compared with its checkpoints; trying again");
                }
                Err(CheckpointsError::Unavailable(_)) => {}
            }
            tokio::time::sleep(self.config.ask_every).await;
        }
    }

    /// Says when age alone has closed the gate: nothing else happens at that moment.
    async fn grow_old(&self) -> Infallible {
        loop {
            // A gate that is closed by age is looked at as often as the log is asked.
            let left = match self.gate.closes_in() {
                Duration::ZERO => self.config.ask_every,
                left => left,
            };
            tokio::time::sleep(left + AFTERWARDS).await;
            self.gate.tell_if_closed();
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float; the counts stay far below 2^53")]
    fn measure(&self) {
        let lag = self.gate.target().saturating_sub(self.gate.applied());
        metrics::gauge!("keyledger_directory_lag_events").set(lag as f64);
        if let Some(age) = self.gate.age() {
            metrics::gauge!("keyledger_freshness_age_seconds").set(age.as_secs_f64());
        }
        let status = self.gate.status();
        metrics::gauge!("keyledger_clock_offset_seconds").set(status.clock_offset_millis as f64 / 1_000.0);
        metrics::gauge!("keyledger_serving_stale").set(u8::from(status.serving_stale));
    }

    fn last_stored_at(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.stored_at.load(Ordering::Relaxed)).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// An operator's word that something is lost.
fn loss_of(read: &Read) -> Option<&LossAccepted> {
    match read {
        Read::Event(recorded) => match &recorded.event {
            Event::Installation(InstallationEvent::LossAccepted(accepted)) => Some(accepted),
            Event::Installation(_)
            | Event::Organization(_)
            | Event::Server(_)
            | Event::Key(_)
            | Event::Slug(_) => None,
        },
        Read::Unreadable(_) | Read::Foreign(_) => None,
    }
}

/// Messages that were read, and by which keys they were judged.
struct Chunk {
    judged_by: Arc<SignerSet>,
    items: Vec<Result<Decoded, FollowError>>,
}

struct Decoded {
    stored: Stored,
    read: Read,
    /// In the log's tree.
    leaf: Hash,
}

/// A chunk as it comes in a replay is decoded, and its signatures are judged, by a thread of its own, beside those before
/// and after it: that is most of a replay's work. What comes by and by is decoded here, at once.
async fn decode(log: LogId, signers: Arc<Signers>, chunk: Vec<Result<Stored, FollowError>>) -> Chunk {
    let apart = chunk.len() >= APART;
    let judged_by = signers.now();
    let all = move || {
        let one = |stored: Stored| Decoded {
            read: signers.read(&stored, log),
            leaf: Hash::message(&stored),
            stored,
        };
        chunk.into_iter().map(|stored| stored.map(one)).collect()
    };
    if !apart {
        return Chunk { judged_by, items: all() };
    }
    let items = tokio::task::spawn_blocking(all)
        .await
        .unwrap_or_else(|error| vec![Err(FollowError::Unavailable(format!("it was not decoded: {error}")))]);
    Chunk { judged_by, items }
}

/// What is said of a replay, at each question.
struct Progress {
    said_ready: bool,
    applied: u64,
}

impl Progress {
    fn say(&mut self, gate: &Gate) {
        if self.said_ready {
            return;
        }
        let (applied, target) = (gate.applied(), gate.target());
        if gate.is_caught_up() {
            self.said_ready = true;
            tracing::info!(applied, target, "the directory has caught up with the log");
        } else if applied > self.applied {
            self.applied = applied;
            tracing::info!(applied, target, "the directory replays the log");
        }
    }
}
