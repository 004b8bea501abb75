//! Signing checkpoints. Every control reads the whole log, keeps its tree and signs; of several that sign at once the
//! stream takes one, by compare-and-set, and the others go on from that one. So no lease is needed, and none is trusted.
//!
//! Before the first signature of a process all of the log has been read, and every checkpoint that is known from before
//! is of what was read: otherwise nothing is signed any more, and it says so.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use events::clock::{Clock, Random};
use events::installation::{InstallationEvent, LossAccepted};
use events::log::{Log, Stored};
use events::tlog::{Checkpoint, CheckpointError, Hash, Note, NoteError, Signer, TileId, VerifierKey, origin};
use events::{Event, LogId, Read, Shard};
use futures::StreamExt;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::error::{KeeperError, agree, followed, forged};
use super::forest::{Forest, Tile};
use crate::store::checkpoints::Checkpoints;
use crate::store::stream::StreamError;
use crate::vault::{Remembered, Vault};

/// A checkpoint is signed when so long has passed since the last, with something new,
const EVERY: Duration = Duration::from_secs(10);
/// or so many messages.
const EVERY_MESSAGES: u64 = 1_000;
/// How often it is looked whether one is due.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Messages that are taken at once, when they are there.
const CHUNK: usize = 512;
/// After what may pass.
const PAUSE: Duration = Duration::from_secs(1);
/// After a contradiction: only somebody who mends the log ends it.
const LONG_PAUSE: Duration = Duration::from_secs(60);
/// Tiles that are read from the log at once.
const TURNS: usize = 2;
/// For the last signature of a process that ends.
const LAST: Duration = Duration::from_secs(2);

/// By which keys a log's checkpoints are signed and believed.
#[async_trait]
pub trait Keys: Send + Sync + 'static {
    /// The one that signs now, and all that are believed, that one included.
    async fn keys(&self, origin: &str, log: &dyn Log) -> Result<(Signer, Vec<VerifierKey>), KeeperError>;

    /// What a message says, once a writer of the log is seen to have signed it.
    fn read(&self, stored: &Stored, log: LogId) -> Read;
}

/// What checkpoints are signed with.
pub struct KeeperParts {
    pub log: Arc<dyn Log>,
    pub stream: Checkpoints,
    pub keys: Arc<dyn Keys>,
    /// Where the newest is remembered: the node's and the people vault.
    pub vaults: Vec<Vault>,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
}

/// Control's tree of the log, and its newest checkpoint.
pub struct Keeper {
    parts: KeeperParts,
    state: Mutex<State>,
    /// For whoever reads a tile from the log.
    turns: Semaphore,
}

#[derive(Default)]
struct State {
    forest: Forest,
    newest: Option<Signed>,
    /// Of the newest in the stream; 0: there is none.
    sequence: u64,
}

/// A checkpoint as the stream holds it.
#[derive(Clone)]
struct Signed {
    checkpoint: Checkpoint,
    note: Note,
}

/// Everything of one life of a follower.
struct Work<'a> {
    keeper: &'a Keeper,
    log: LogId,
    origin: String,
    signer: Signer,
    keys: Vec<VerifierKey>,
    /// The log's end when it began: before, nothing is signed.
    end: u64,
    /// The newest that was known when it began, until the tree has come to it.
    known: Vec<(Checkpoint, &'static str)>,
    signed_at: Option<Instant>,
}

impl Keeper {
    pub fn new(parts: KeeperParts) -> Self {
        Self { parts, state: Mutex::default(), turns: Semaphore::new(TURNS) }
    }

    /// The newest checkpoint of what was read here, as a signed note.
    pub fn newest(&self) -> Option<String> {
        self.state().newest.as_ref().map(|signed| signed.note.to_string())
    }

    /// A tile of the newest checkpoint's tree.
    pub(super) fn tile(&self, tile: TileId) -> Option<Tile> {
        let state = self.state();
        let size = state.newest.as_ref()?.checkpoint.size;
        state.forest.tile(tile, size)
    }

    pub(super) fn turns(&self) -> &Semaphore {
        &self.turns
    }

    pub(super) fn log(&self) -> &dyn Log {
        &*self.parts.log
    }

    /// Signs until cancelled, and what is new once more then.
    pub async fn run(&self, cancel: CancellationToken) {
        loop {
            let error = match self.work(&cancel).await {
                Ok(()) => return,
                Err(error) => error,
            };
            let contradicts = matches!(error, KeeperError::Contradiction(_));
            metrics::gauge!("keyledger_checkpoints_refused").set(u8::from(contradicts));
            if contradicts {
                tracing::error!(%error, "no checkpoint is signed: the log is not the one that was signed before");
            } else {
                tracing::warn!(%error, "no checkpoint is signed; trying again");
            }
            let pause = if contradicts { LONG_PAUSE } else { PAUSE };
            if cancel.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                return;
            }
        }
    }

    async fn work(&self, cancel: &CancellationToken) -> Result<(), KeeperError> {
        let KeeperParts { log, keys, .. } = &self.parts;
        let id = log.id().await?;
        let origin = origin(id, Shard::ZERO);
        let (signer, keys) = keys.keys(&origin, &**log).await?;
        *self.state() = State::default();
        let mut work = Work {
            keeper: self,
            log: id,
            origin,
            signer,
            keys,
            end: log.info().await?.last_sequence,
            known: Vec::new(),
            signed_at: None,
        };
        work.look_back().await?;
        let ended = tokio::select! {
            biased;
            () = cancel.cancelled() => {
                let last = tokio::time::timeout(LAST, work.sign());
                if let Ok(Err(error)) = last.await {
                    tracing::warn!(%error, "the last messages are not in a checkpoint yet");
                }
                return Ok(());
            }
            ended = work.follow() => ended,
        };
        match ended {
            Ok(never) => match never {},
            Err(error) => Err(error),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Work<'_> {
    /// What was signed before, by this process or another: the log must go on from all of it.
    async fn look_back(&mut self) -> Result<(), KeeperError> {
        let parts = &self.keeper.parts;
        for vault in &parts.vaults {
            if let Some(Remembered { note, keys }) = Remembered::load(vault).await? {
                // Believed by the keys that were remembered with it, for the vault is sealed.
                let checkpoint = self.opened(&note, &keys, "the vault")?;
                self.expect(checkpoint, "the vault");
            }
        }
        let stored = parts.stream.newest().await?;
        if let Some(stored) = stored {
            let note: Note = stored
                .text
                .parse()
                .map_err(|error: NoteError| forged("KL_CHECKPOINTS", &error.to_string()))?;
            let checkpoint = self.opened(&note, &self.keys, "KL_CHECKPOINTS")?;
            self.expect(checkpoint.clone(), "KL_CHECKPOINTS");
            let signed = Signed { checkpoint, note };
            self.keeper.state().sequence = stored.sequence;
            // Others are to believe it, and the keys, also where the process before ended in between.
            self.remember(&signed).await?;
            self.keeper.state().newest = Some(signed);
        }
        Ok(())
    }

    fn opened(&self, note: &Note, keys: &[VerifierKey], place: &str) -> Result<Checkpoint, KeeperError> {
        Checkpoint::open(note, &self.origin, keys)
            .map_err(|error: CheckpointError| forged(place, &error.to_string()))
    }

    fn expect(&mut self, checkpoint: Checkpoint, place: &'static str) {
        self.known.push((checkpoint, place));
    }

    /// Nothing is known of more than the log holds, once all of it was read.
    fn has_its_tail(&self) -> Result<(), KeeperError> {
        let read = self.keeper.state().forest.size();
        let longer = self.known.iter().find(|(known, _)| known.size > self.end && read >= self.end);
        match longer {
            None => Ok(()),
            Some((known, place)) => Err(KeeperError::Contradiction(format!(
                "it ends at {}, and {place} knows a checkpoint of {} messages: its tail is lost",
                self.end, known.size
            ))),
        }
    }

    /// By an operator's word, what these heads are of is lost: nothing goes on from them.
    fn accept_loss(&mut self, stored: &Stored) {
        // Few messages are the installation's, and nothing else is read.
        if !stored.subject.contains(".installation.") {
            return;
        }
        let Read::Event(recorded) = self.keeper.parts.keys.read(stored, self.log) else { return };
        let Event::Installation(InstallationEvent::LossAccepted(LossAccepted { kept, lost })) =
            recorded.event
        else {
            return;
        };
        let mut state = self.keeper.state();
        if state.forest.tree_at(kept.size).is_none_or(|tree| tree.root() != kept.root) {
            return;
        }
        self.known.retain(|(known, _)| !lost.contains(&known.head()));
        if state.newest.as_ref().is_some_and(|newest| lost.contains(&newest.checkpoint.head())) {
            state.newest = None;
        }
    }

    async fn follow(&mut self) -> Result<Infallible, KeeperError> {
        let follower = self.keeper.parts.log.follow(None).await.map_err(followed)?;
        let mut chunks = follower.ready_chunks(CHUNK);
        loop {
            let chunk = tokio::select! {
                chunk = chunks.next() => chunk,
                () = tokio::time::sleep(LOOK_EVERY) => Some(Vec::new()),
            };
            let chunk = chunk.ok_or_else(|| KeeperError::Unavailable("the follower ended".to_owned()))?;
            for stored in chunk {
                self.push(&stored.map_err(followed)?)?;
            }
            self.has_its_tail()?;
            if self.is_due() {
                self.sign().await?;
            }
        }
    }

    fn push(&mut self, stored: &Stored) -> Result<(), KeeperError> {
        self.accept_loss(stored);
        let mut state = self.keeper.state();
        state.forest.push(Hash::message(stored));
        let size = state.forest.size();
        if self.known.iter().all(|(known, _)| known.size != size) {
            return Ok(());
        }
        let root = state.forest.tree().root();
        drop(state);
        for (known, place) in self.known.extract_if(.., |(known, _)| known.size == size) {
            agree(&known, root, place)?;
        }
        Ok(())
    }

    fn is_due(&self) -> bool {
        let state = self.keeper.state();
        let (size, signed) =
            (state.forest.size(), state.newest.as_ref().map_or(0, |newest| newest.checkpoint.size));
        drop(state);
        let new = size.saturating_sub(signed);
        let now = self.keeper.parts.clock.instant();
        let long_ago = self.signed_at.is_none_or(|at| now.saturating_duration_since(at) >= EVERY);
        size >= self.end && (new >= EVERY_MESSAGES || (new > 0 && long_ago))
    }

    /// Signs what was read, unless all of it is signed.
    async fn sign(&mut self) -> Result<(), KeeperError> {
        let (checkpoint, expected) = {
            let state = self.keeper.state();
            let tree = state.forest.tree();
            let signed = state.newest.as_ref().map_or(0, |newest| newest.checkpoint.size);
            if tree.size() < self.end || tree.size() <= signed || !self.known.is_empty() {
                return Ok(());
            }
            let (size, root) = (tree.size(), tree.root());
            (Checkpoint { origin: self.origin.clone(), size, root }, state.sequence)
        };
        self.ask_for_keys().await?;
        let note = checkpoint.sign(&self.signer);
        match self.keeper.parts.stream.append(note.to_string(), expected).await {
            Ok(sequence) => {
                let size = checkpoint.size;
                self.keeper.state().sequence = sequence;
                self.adopt(Signed { checkpoint, note }).await?;
                metrics::counter!("keyledger_checkpoints_signed_total").increment(1);
                tracing::debug!(size, "a checkpoint is signed");
                Ok(())
            }
            // Another control was first.
            Err(StreamError::Conflict) => self.follow_another().await,
            Err(StreamError::Unavailable(reason)) => Err(KeeperError::Unavailable(reason)),
        }
    }

    /// Another key may sign by now. Who is to believe it knows it before it signs.
    async fn ask_for_keys(&mut self) -> Result<(), KeeperError> {
        let parts = &self.keeper.parts;
        let (signer, keys) = parts.keys.keys(&self.origin, &*parts.log).await?;
        if keys == self.keys {
            return Ok(());
        }
        (self.signer, self.keys) = (signer, keys);
        let newest = self.keeper.state().newest.clone();
        match newest {
            Some(newest) => self.remember(&newest).await,
            None => Ok(()),
        }
    }

    /// The newest is another control's: it must be of this log as well.
    async fn follow_another(&mut self) -> Result<(), KeeperError> {
        let Some(stored) = self.keeper.parts.stream.newest().await? else { return Ok(()) };
        let note: Note =
            stored.text.parse().map_err(|error: NoteError| forged("KL_CHECKPOINTS", &error.to_string()))?;
        let checkpoint = self.opened(&note, &self.keys, "KL_CHECKPOINTS")?;
        let tree = self.keeper.state().forest.tree_at(checkpoint.size);
        match tree {
            Some(tree) => agree(&checkpoint, tree.root(), "KL_CHECKPOINTS")?,
            // It is ahead of what was read here, or far behind: compared from the beginning.
            None => {
                return Err(KeeperError::Unavailable("another control signs ahead of this one".to_owned()));
            }
        }
        self.signed_at = Some(self.keeper.parts.clock.instant());
        let mut state = self.keeper.state();
        state.sequence = stored.sequence;
        state.newest = Some(Signed { checkpoint, note });
        Ok(())
    }

    async fn adopt(&mut self, signed: Signed) -> Result<(), KeeperError> {
        self.signed_at = Some(self.keeper.parts.clock.instant());
        measure(signed.checkpoint.size, self.keeper.parts.clock.now().unix_millis());
        self.keeper.state().newest = Some(signed.clone());
        self.remember(&signed).await
    }

    async fn remember(&self, signed: &Signed) -> Result<(), KeeperError> {
        let remembered = Remembered { note: signed.note.clone(), keys: self.keys.clone() };
        for vault in &self.keeper.parts.vaults {
            remembered.store(vault, &*self.keeper.parts.random).await?;
        }
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; both stay far below 2^53")]
fn measure(size: u64, unix_millis: i64) {
    metrics::gauge!("keyledger_checkpoint_size").set(size as f64);
    metrics::gauge!("keyledger_checkpoint_signed_timestamp_seconds").set(unix_millis as f64 / 1_000.0);
}
