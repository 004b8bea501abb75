//! What the gate knows of the log by its signed checkpoints.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use events::installation::LossAccepted;
use events::log::StreamInfo;
use events::tlog::{Hash, Head, Tree};

use super::Gate;
use crate::directory::proof::{Attested, Proof};

impl Gate {
    /// Goes on from a snapshot's tree: before the follower starts.
    pub fn begin(&self, tree: Tree) {
        self.proof().begin(tree);
    }

    /// The tree over the log up to this message; `None`: it was not read here, or long ago.
    pub fn tree_at(&self, sequence: u64) -> Option<Tree> {
        self.proof().tree_at(sequence)
    }

    /// The hash of the message that comes next. An error is what contradicts a checkpoint.
    pub(in crate::directory) fn read(&self, leaf: Hash) -> Result<(), String> {
        self.proof().read(leaf)
    }

    /// An operator's word that something is lost comes next. Whether it counts.
    pub(in crate::directory) fn accept(&self, accepted: &LossAccepted) -> Result<bool, String> {
        self.proof().accept(accepted)
    }

    /// Stays closed until this checkpoint, which was attested, was compared. False: it lies before what was read.
    pub(in crate::directory) fn rests_on(&self, head: Head) -> bool {
        self.proof().rest_on(head)
    }

    /// What the places of checkpoints know now. An error is what contradicts what was read.
    pub(in crate::directory) fn attested(&self, found: Vec<Attested>) -> Result<(), String> {
        let told = self.proof().attested(found, self.clock.instant());
        self.is_attested.store(true, Ordering::Release);
        told
    }

    /// What a checkpoint says against a log that ends where its leader says.
    pub(in crate::directory) fn ends_at(&self, info: &StreamInfo) -> Result<(), String> {
        match info.quorum.holds_as_of(info.asked_at) {
            Some(as_of) if self.applied() >= info.last_sequence => {
                self.proof().ends_at(info.last_sequence, as_of)
            }
            // What it has not read yet may say more.
            Some(_) | None => Ok(()),
        }
    }

    pub(super) fn proof(&self) -> std::sync::MutexGuard<'_, Proof> {
        self.proof.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
