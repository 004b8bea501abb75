//! What witnesses have said, as those who ask them hand it over (`checkpoints::witnesses`). The one who signs takes it in
//! between two looks at the log, and never waits for it.

use std::sync::PoisonError;

use events::Timestamp;
use events::tlog::{Checkpoint, Hash, MAX_SIGNATURES, Note, Tiles, consistency, needed_for_consistency};

use super::{Keeper, Signed, Work};
use crate::checkpoints::error::KeeperError;
use crate::store::stream::StreamError;

/// What is not yet taken in, and how each witness stands.
#[derive(Default)]
pub(super) struct Words {
    cosigned: Option<Note>,
    evidence: Option<Evidence>,
    standing: Vec<Standing>,
}

/// A checkpoint that a key of this log has signed, and that the log as it is contradicts.
#[derive(Clone, Debug)]
pub struct Evidence {
    pub note: Note,
    pub checkpoint: Checkpoint,
    pub problem: String,
}

/// How a witness stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    pub name: String,
    pub url: String,
    pub state: WitnessState,
    /// The newest checkpoint that is known to carry its word.
    pub cosigned: Option<u64>,
    pub cosigned_at: Option<Timestamp>,
    /// What is wrong.
    pub problem: Option<String>,
}

events::named! {
    /// What a witness does.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum WitnessState {
        /// It was not asked yet.
        Unasked = "unasked",
        /// It has cosigned what it was handed last.
        Cosigns = "cosigns",
        /// It does not answer, or not in a way that helps.
        Away = "away",
        /// It knows less than it has cosigned before.
        PutBack = "put_back",
        /// It keeps what an operator has accepted as lost.
        BeforeALoss = "before_a_loss",
        /// By its word, this log is another one.
        Contradicts = "contradicts",
    }
}

impl Keeper {
    fn words(&self) -> std::sync::MutexGuard<'_, Words> {
        self.words.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest checkpoint, once all that it is of was read here.
    pub(in crate::checkpoints) fn newest_read(&self) -> Option<(Checkpoint, Note)> {
        let state = self.state();
        let signed = state.newest.as_ref().filter(|signed| signed.checkpoint.size <= state.forest.size())?;
        Some((signed.checkpoint.clone(), signed.note.clone()))
    }

    /// The newest one with the words of witnesses.
    pub(in crate::checkpoints) fn cosigned(&self, note: Note) {
        self.words().cosigned = Some(note);
    }

    pub(in crate::checkpoints) fn accuse(&self, evidence: Evidence) {
        self.words().evidence = Some(evidence);
    }

    pub(in crate::checkpoints) fn tell(&self, standing: Vec<Standing>) {
        self.words().standing = standing;
    }

    /// How the configured witnesses stand.
    pub fn witnesses(&self) -> Vec<Standing> {
        self.words().standing.clone()
    }

    /// The proof that the newest checkpoint's tree goes on from its first leaves.
    pub(in crate::checkpoints) async fn consistency(
        &self,
        old: u64,
        new: u64,
    ) -> Result<Vec<Hash>, KeeperError> {
        let unproven = |problem: String| KeeperError::Unavailable(format!("no proof is made: {problem}"));
        let mut tiles = Tiles::new();
        for tile in needed_for_consistency(old, new).map_err(|error| unproven(error.to_string()))? {
            let bytes = self.hashes(tile).await?;
            let bytes = bytes.ok_or_else(|| unproven("the tree is being read anew".to_owned()))?;
            tiles.insert(tile, &bytes).map_err(|error| unproven(error.to_string()))?;
        }
        consistency(&tiles, old, new).map_err(|error| unproven(error.to_string()))
    }
}

impl Work<'_> {
    /// Takes in what was handed over since.
    pub(super) async fn hear_witnesses(&mut self) -> Result<(), KeeperError> {
        let (cosigned, evidence) = {
            let mut words = self.keeper.words();
            (words.cosigned.take(), words.evidence.take())
        };
        if let Some(Evidence { note, checkpoint, problem }) = evidence {
            // In the vaults it is what every process compares with, also after a restart.
            self.remember(&Signed { checkpoint, note }).await?;
            return Err(KeeperError::Contradiction(problem));
        }
        let Some(cosigned) = cosigned else { return Ok(()) };
        let (mut signed, expected) = {
            let state = self.keeper.state();
            // A newer one is signed meanwhile: it is handed on next.
            let newest = state.newest.clone().filter(|newest| newest.note.text() == cosigned.text());
            let Some(newest) = newest else { return Ok(()) };
            (newest, state.sequence)
        };
        let before = signed.note.signatures().len();
        cosigned.signatures().iter().for_each(|line| signed.note.add(line.clone()));
        if !(before + 1..=MAX_SIGNATURES).contains(&signed.note.signatures().len()) {
            return Ok(());
        }
        match self.keeper.parts.stream.append(signed.note.to_string(), expected).await {
            Ok(sequence) => {
                {
                    let mut state = self.keeper.state();
                    state.sequence = sequence;
                    state.newest = Some(signed.clone());
                }
                self.remember(&signed).await
            }
            Err(StreamError::Conflict) => self.follow_another().await,
            Err(StreamError::Unavailable(reason)) => Err(KeeperError::Unavailable(reason)),
        }
    }
}
