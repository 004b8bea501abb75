//! Feeds the directory from the log and the gate with what the log's leader says, until it is told to stop.
//!
//! It never gives up: the log away, it tries again; the log another one, it says so through the gate and stays
//! closed, since what it holds in memory can't be trusted and nothing here takes state back.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use events::clock::Clock;
use events::log::{FollowError, Log, ReadError};
use events::position::Place;
use events::{Event, LogId, Read, Signers, Timestamp};
use futures::StreamExt;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use super::freshness::Answered;
use super::proof::{Checkpoints, CheckpointsError};
use super::vouched::{Reading, Vouched};
use super::{Directory, Gate};

mod decode;
mod states;

use decode::{Chunk, Decoded, decode};
use states::{Progress, States};

/// How a directory follows.
#[derive(Clone, Copy, Debug)]
pub struct FollowConfig {
    /// How often the log's leader is asked how long the log is. 1 s.
    pub ask_every: Duration,
    /// An answer later than this is none. 5 s.
    pub ask_timeout: Duration,
    /// The longest pause between two tries to reach the log. 2 s.
    pub max_pause: Duration,
    /// Else the directory is only written down, and nobody waits for its gate. True.
    pub answers_for_keys: bool,
}

impl Default for FollowConfig {
    fn default() -> Self {
        Self {
            ask_every: Duration::from_secs(1),
            ask_timeout: Duration::from_secs(5),
            max_pause: Duration::from_secs(2),
            answers_for_keys: true,
        }
    }
}

/// So long after the last moment at which the gate may be open it is closed.
const AFTERWARDS: Duration = Duration::from_millis(1);

/// Messages that are taken from the follower at once, when they are there.
const CHUNK: usize = 512;

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
    /// Whose signatures need not be judged here; chosen before anything is read, for a gate that was open once lets
    /// people in by what comes next.
    vouched: OnceCell<Option<Arc<Vouched>>>,
    states: States,
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
    let vouched = OnceCell::new();
    let states = States::new(&clock, config.answers_for_keys);
    let shell = Shell { log, checkpoints, directory, gate, clock, config, stored_at, vouched, states };
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
            self.states.follows_not.warn(&reason);
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
            self.states.no_signers.warn(&error);
        } else {
            self.states.no_signers.ended();
        }
        let vouched = match self.vouched.get_or_try_init(|| self.look_for_vouched(log, &signers)).await {
            Ok(vouched) => vouched.clone(),
            Err(contradiction) => return FollowError::Diverged(contradiction),
        };
        let reading = Reading { log, signers, vouched };
        let mut chunks = match self.log.follow(*place).await {
            Ok(follower) => {
                let judged = |chunk| decode(reading.clone(), chunk);
                follower.ready_chunks(CHUNK).map(judged).buffered(AT_ONCE)
            }
            Err(error) => return error,
        };
        self.states.follows_not.ended();
        // What a snapshot brought counts once the log has been seen to hold the event at its place.
        self.gate.advance(self.directory.applied());
        while let Some(chunk) = chunks.next().await {
            if let Err(error) = self.apply(&reading, chunk, place) {
                return error;
            }
        }
        FollowError::Unavailable("the follower ended".to_owned())
    }

    /// What the newest checkpoint vouches for. Where it can't be read in time, everything is judged here.
    async fn look_for_vouched(&self, log: LogId, signers: &Signers) -> Result<Option<Arc<Vouched>>, String> {
        let looked = async {
            let found = self.checkpoints.newest(log).await.map_err(|error| error.to_string())?;
            let vouched = Vouched::of(&found, &*self.log, signers).await;
            vouched.map(|vouched| (found, vouched)).map_err(|error| error.to_string())
        };
        let (found, vouched) = match tokio::time::timeout(self.config.ask_timeout, looked).await {
            Ok(Ok(looked)) => looked,
            // A forged one is told by `attest`, which looks at the same places.
            Ok(Err(reason)) => {
                tracing::warn!(%reason, "no checkpoint vouches for signatures: each is judged here");
                return Ok(None);
            }
            Err(_) => return Ok(None),
        };
        self.gate.attested(found)?;
        let vouched = vouched.filter(|vouched| self.gate.rests_on(vouched.head));
        if let Some(vouched) = &vouched {
            tracing::info!(size = vouched.head.size, "signatures up to here were judged by control");
        }
        Ok(vouched.map(Arc::new))
    }

    fn apply(
        &self,
        reading: &Reading,
        Chunk { judged_by, items, vouched }: Chunk,
        place: &mut Option<Place>,
    ) -> Result<(), FollowError> {
        let mut now = reading.now();
        let caught_up = self.gate.is_caught_up();
        // Nothing of what contradicts a checkpoint is applied.
        for decoded in items.iter().filter_map(|item| item.as_ref().ok()) {
            self.accept_loss(reading, decoded).map_err(FollowError::Diverged)?;
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
            let read = if Arc::ptr_eq(&judged_by, &now) { read } else { reading.read(&stored) };
            self.directory.apply(&read);
            if matches!(&read, Read::Event(recorded) if matches!(recorded.event, Event::Installation(_))) {
                now = reading.now();
            }
            *place = Some(Place { log: reading.log, sequence: stored.sequence, event: read.event_id() });
            self.stored_at.store(stored.stored_at.unix_millis(), Ordering::Relaxed);
            applied += 1;
        }
        if applied > 0 {
            self.gate.advance(self.directory.applied());
            metrics::counter!("keyledger_directory_events_applied_total").increment(applied);
            metrics::counter!("keyledger_directory_events_vouched_total").increment(vouched);
            if caught_up {
                let delay = self.clock.now().since(self.last_stored_at());
                metrics::histogram!("keyledger_directory_apply_delay_seconds").record(delay.as_secs_f64());
            }
        }
        end
    }

    /// Whether an operator's word comes next that something is lost, by a writer's signature.
    fn accept_loss(
        &self,
        reading: &Reading,
        Decoded { stored, read, leaf: _ }: &Decoded,
    ) -> Result<(), String> {
        if read.loss_accepted().is_none() {
            return Ok(());
        }
        let judged = reading.now().read(stored, reading.log);
        let Some(accepted) = judged.loss_accepted() else { return Ok(()) };
        if self.gate.accept(accepted)? {
            tracing::warn!(sequence = stored.sequence, "an operator has accepted that the log lost its tail");
        }
        Ok(())
    }

    async fn diverged(&self, reason: String) -> String {
        self.gate.diverged(reason.clone());
        loop {
            self.states.diverged.alarm(&reason);
            tokio::time::sleep(self.config.ask_every).await;
        }
    }

    async fn ask(&self) -> Infallible {
        let mut progress = Progress::default();
        loop {
            self.ask_once().await;
            progress.say(&self.gate, &self.states);
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
                    self.states.unproven.ended();
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
        self.states.unproven.warn(&reason);
    }

    /// Looks at the log's checkpoints, before anything rests on it and from then on.
    async fn attest(&self) -> Infallible {
        loop {
            let found = match self.log.id().await {
                Ok(log) => self.checkpoints.newest(log).await,
                Err(error) => Err(CheckpointsError::Unavailable(error.to_string())),
            };
            match found {
                Ok(found) => {
                    self.states.uncompared.ended();
                    if let Err(contradiction) = self.gate.attested(found) {
                        self.diverged(contradiction).await;
                    }
                }
                Err(CheckpointsError::Forged(reason)) => {
                    self.diverged(reason).await;
                }
                Err(error @ CheckpointsError::Unavailable(_)) => self.states.uncompared.warn(&error),
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

    fn last_stored_at(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.stored_at.load(Ordering::Relaxed)).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}
