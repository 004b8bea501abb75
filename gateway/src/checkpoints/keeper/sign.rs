//! A signature: what of it is remembered where, and what becomes of it when another control was first.

use events::tlog::{Checkpoint, Note, NoteError};

use super::{Signed, Work};
use crate::checkpoints::error::{KeeperError, agree, forged};
use crate::store::stream::StreamError;
use crate::vault::Remembered;

impl Work<'_> {
    /// Signs what was read, unless all of it is signed.
    pub(super) async fn sign(&mut self) -> Result<(), KeeperError> {
        let (checkpoint, expected) = {
            let state = self.keeper.state();
            let tree = state.forest.tree();
            let signed = state.newest.as_ref().map_or(0, |newest| newest.checkpoint.size);
            if tree.size() < self.end || tree.size() <= signed || !self.known.is_empty() {
                return Ok(());
            }
            let (origin, unsigned) = (self.origin.clone(), self.unsigned.clone());
            (Checkpoint { origin, size: tree.size(), root: tree.root(), unsigned }, state.sequence)
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
    pub(super) async fn follow_another(&mut self) -> Result<(), KeeperError> {
        let Some(stored) = self.keeper.parts.stream.newest().await? else { return Ok(()) };
        let note: Note =
            stored.text.parse().map_err(|error: NoteError| forged("KL_CHECKPOINTS", &error.to_string()))?;
        let checkpoint = self.opened(&note, &self.keys, "KL_CHECKPOINTS")?;
        let (tree, signed) = {
            let state = self.keeper.state();
            let signed = state.newest.as_ref().map_or(0, |newest| newest.checkpoint.size);
            (state.forest.tree_at(checkpoint.size), signed)
        };
        match tree {
            Some(tree) => agree(&checkpoint, tree.root(), "KL_CHECKPOINTS")?,
            None if checkpoint.size < signed => {}
            // It is compared when this one has come so far.
            None if checkpoint.size > self.keeper.state().forest.size() => {
                self.keeper.state().sequence = stored.sequence;
                self.end = self.end.max(checkpoint.size);
                self.expect(checkpoint.clone(), "KL_CHECKPOINTS");
                self.awaited = Some(Signed { checkpoint, note });
                return Ok(());
            }
            // Far behind: compared from the beginning.
            None => {
                let behind = "another control signs what was long ago here";
                return Err(KeeperError::Unavailable(behind.to_owned()));
            }
        }
        if checkpoint.size < signed {
            // No control signs less than it has seen signed: somebody stored an old one again. What was signed since
            // stands, and the next lies behind it.
            self.keeper.state().sequence = stored.sequence;
            return Ok(());
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

    pub(super) async fn remember(&self, signed: &Signed) -> Result<(), KeeperError> {
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
