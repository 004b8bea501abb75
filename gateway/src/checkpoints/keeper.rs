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
use events::lasting::{self, Lasting};
use events::log::Log;
use events::tlog::{
    Checkpoint, CheckpointError, Hash, Head, Note, NoteError, Signer, TileId, Unsigned, VerifierKey, origin,
};
use events::{Event, LogId, Read, Recorded, Shard, Signers};
use futures::StreamExt;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::error::{KeeperError, agree, followed, forged};
use super::forest::{Forest, Tile};
use super::judge::{AT_ONCE, Chunk, Judge, Judged, judged};
use crate::store::checkpoints::Checkpoints;
use crate::vault::{Remembered, Vault};

mod sign;
mod witnessed;

use witnessed::Words;
pub use witnessed::{Evidence, Standing, WitnessState};

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

    /// By which keys the log's events are judged.
    fn signers(&self) -> &Arc<Signers>;
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
    words: Mutex<Words>,
    unsigned: Lasting,
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
    /// Another control's, of more than was read here: it becomes the newest once it was compared.
    awaited: Option<Signed>,
    judge: Judge,
    /// Of what the tree has.
    unsigned: Unsigned,
    signed_at: Option<Instant>,
}

impl Keeper {
    pub fn new(parts: KeeperParts) -> Self {
        let unsigned = Lasting::new(
            Arc::clone(&parts.clock),
            lasting::Words { lasts: "no checkpoint is signed", ends: "checkpoints are signed again" },
        );
        let (state, words) = (Mutex::default(), Mutex::default());
        Self { parts, state, turns: Semaphore::new(TURNS), words, unsigned }
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

    /// The log's end, as its leader knows it.
    pub(super) async fn last(&self) -> Result<u64, KeeperError> {
        Ok(self.parts.log.info().await?.last_sequence)
    }

    /// The keys by which this log's checkpoints are believed, and heads that an operator has accepted as lost.
    pub(super) async fn believed(&self, origin: &str) -> Result<(Vec<VerifierKey>, Vec<Head>), KeeperError> {
        let KeeperParts { log, keys, .. } = &self.parts;
        let (_, believed) = keys.keys(origin, &**log).await?;
        Ok((believed, keys.signers().lost(&**log).await?))
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
                self.unsigned.alarm(&format_args!("the log is not the one that was signed before: {error}"));
            } else {
                self.unsigned.warn(&error);
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
        let judge = Judge { log: id, signers: Arc::clone(keys.signers()), before: None };
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
            awaited: None,
            judge,
            unsigned: Unsigned::none(),
            signed_at: None,
        };
        work.look_back().await?;
        work.go_on_judging().await?;
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
            // Others are to believe it, and the keys, also where the process before ended in between. A vault that knows of
            // more is not made to forget it: then this one was stored again, and all is signed anew once it was read.
            if self.known.iter().all(|(known, _)| known.size <= signed.checkpoint.size) {
                self.remember(&signed).await?;
                self.keeper.state().newest = Some(signed);
            }
        }
        Ok(())
    }

    fn opened(&self, note: &Note, keys: &[VerifierKey], place: &str) -> Result<Checkpoint, KeeperError> {
        Checkpoint::open_judged(note, &self.origin, keys, self.signer.verifier())
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

    /// What a checkpoint of before says of signatures holds for what it covers: nothing is signed here before its root
    /// was compared.
    async fn go_on_judging(&mut self) -> Result<(), KeeperError> {
        let lost = self.judge.signers.lost(&*self.keeper.parts.log).await?;
        let told = self.known.iter().map(|(known, _)| known).filter(|known| {
            known.unsigned != Unsigned::Untold && known.size <= self.end && !lost.contains(&known.head())
        });
        let before = told.max_by_key(|known| known.size).cloned();
        if before.as_ref().is_some_and(|before| before.unsigned == Unsigned::Many) {
            self.unsigned = Unsigned::Many;
        }
        self.judge.before = before.map(Arc::new);
        Ok(())
    }

    /// By an operator's word, what these heads are of is lost: nothing goes on from them.
    fn accept_loss(&mut self, recorded: &Recorded) -> Result<(), KeeperError> {
        let Event::Installation(InstallationEvent::LossAccepted(LossAccepted { kept, lost })) =
            &recorded.event
        else {
            return Ok(());
        };
        let mut state = self.keeper.state();
        if state.forest.tree_at(kept.size).is_none_or(|tree| tree.root() != kept.root) {
            return Ok(());
        }
        if self.judge.before.as_ref().is_some_and(|before| lost.contains(&before.head())) {
            return Err(KeeperError::Unavailable("a loss was accepted: all is judged again".to_owned()));
        }
        self.known.retain(|(known, _)| !lost.contains(&known.head()));
        if state.newest.as_ref().is_some_and(|newest| lost.contains(&newest.checkpoint.head())) {
            state.newest = None;
        }
        Ok(())
    }

    async fn follow(&mut self) -> Result<Infallible, KeeperError> {
        let follower = self.keeper.parts.log.follow(None).await.map_err(followed)?;
        let judge = self.judge.clone();
        let mut chunks =
            follower.ready_chunks(CHUNK).map(move |chunk| judged(judge.clone(), chunk)).buffered(AT_ONCE);
        loop {
            tokio::select! {
                chunk = chunks.next() => {
                    let ended = || KeeperError::Unavailable("the follower ended".to_owned());
                    self.take(chunk.ok_or_else(ended)?)?;
                }
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            self.has_its_tail()?;
            self.hear_witnesses().await?;
            if self.is_due() {
                self.sign().await?;
            }
            if self.known.is_empty() {
                self.keeper.unsigned.ended();
            }
        }
    }

    fn take(&mut self, Chunk { judged_by, items }: Chunk) -> Result<(), KeeperError> {
        let mut now = self.judge.signers.now();
        for item in items {
            let Judged { stored, leaf, good } = item.map_err(followed)?;
            // A key may have been published, or retired, since it was judged.
            let good = if Arc::ptr_eq(&judged_by, &now) { good } else { self.judge.is_good(&stored) };
            if !good {
                self.unsigned.add(stored.sequence);
            }
            // Few messages are the installation's, and nothing else is read.
            if stored.subject.contains(".installation.")
                && let Read::Event(recorded) = self.judge.signers.read(&stored, self.log)
            {
                self.judge.signers.take(&recorded);
                now = self.judge.signers.now();
                self.accept_loss(&recorded)?;
            }
            self.push(leaf)?;
        }
        Ok(())
    }

    fn push(&mut self, leaf: Hash) -> Result<(), KeeperError> {
        let mut state = self.keeper.state();
        state.forest.push(leaf);
        let size = state.forest.size();
        if self.known.iter().all(|(known, _)| known.size != size) {
            return Ok(());
        }
        let root = state.forest.tree().root();
        drop(state);
        for (known, place) in self.known.extract_if(.., |(known, _)| known.size == size) {
            agree(&known, root, place)?;
        }
        if self.awaited.as_ref().is_some_and(|awaited| awaited.checkpoint.size == size) {
            self.signed_at = Some(self.keeper.parts.clock.instant());
            self.keeper.state().newest = self.awaited.take();
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
}
