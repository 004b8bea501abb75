//! The log beside its signed checkpoints: each covers every byte before it, so one that agrees vouches for all of them,
//! and two that stand next to each other tell between which messages something was changed.

use std::collections::{BTreeMap, BTreeSet};

use events::installation::LossAccepted;
use events::log::Stored;
use events::tlog::{Checkpoint, Hash, RecentTree, Unsigned};
use serde::Serialize;

use super::{Check, Findings};

/// A checkpoint whose signature was checked, and where it was found.
#[derive(Clone, Debug)]
pub struct Known {
    pub checkpoint: Checkpoint,
    pub place: String,
}

/// The newest checkpoint that the log agrees with.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Agreed {
    pub size: u64,
    pub root: Hash,
    pub place: String,
}

/// Messages that are lost by an operator's word, and others may stand in their place.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Loss {
    /// Of the event that says so.
    pub sequence: u64,
    pub from: u64,
    pub to: u64,
}

#[derive(Default)]
pub(super) struct Checkpoints {
    tree: RecentTree,
    /// By size.
    known: BTreeMap<u64, Vec<Known>>,
    /// Messages that no writer is seen to have signed.
    unsigned: BTreeSet<u64>,
    /// Of which something else was said, and told.
    misjudged: BTreeSet<u64>,
    agreed: Option<Agreed>,
    /// It was told that the log is another one: later checkpoints say nothing new.
    contradicted: bool,
}

impl Checkpoints {
    pub fn of(known: Vec<Known>) -> Self {
        let mut by_size: BTreeMap<u64, Vec<Known>> = BTreeMap::new();
        for known in known {
            by_size.entry(known.checkpoint.size).or_default().push(known);
        }
        Self { known: by_size, ..Self::default() }
    }

    /// The next message, and whether it is an event that a writer signed.
    pub fn take(&mut self, stored: &Stored, signed: bool, findings: &mut Findings) {
        if !signed {
            self.unsigned.insert(stored.sequence);
        }
        // A message that is missing is told elsewhere; the tree is that of what is there.
        self.tree.push(Hash::message(stored));
        let Some(due) = self.known.remove(&stored.sequence) else { return };
        let (whole, root) = (self.tree.now().size() == stored.sequence, self.tree.now().root());
        for Known { checkpoint, place } in due {
            if whole && root == checkpoint.root {
                self.judge(&checkpoint, &place, findings);
                self.agreed = Some(Agreed { size: checkpoint.size, root: checkpoint.root, place });
            } else if !self.contradicted {
                self.contradicted = true;
                let from = self.agreed.as_ref().map_or(0, |agreed| agreed.size) + 1;
                let size = checkpoint.size;
                findings.add(
                    Check::Checkpoint,
                    from,
                    None,
                    format!("one of the messages {from} to {size} is not what was signed: {place} has another root"),
                );
            }
        }
    }

    /// Whether what it says of signatures is so.
    fn judge(&mut self, checkpoint: &Checkpoint, place: &str, findings: &mut Findings) {
        let Unsigned::These(told) = &checkpoint.unsigned else { return };
        let told: BTreeSet<u64> = told.iter().copied().collect();
        for sequence in self.unsigned.symmetric_difference(&told) {
            if !self.misjudged.insert(*sequence) {
                continue;
            }
            let problem = if told.contains(sequence) {
                format!("{place} says that no writer signed it, and one did")
            } else {
                format!("{place} says that its signature is good, and it is not")
            };
            findings.add(Check::Checkpoint, *sequence, None, problem);
        }
    }

    /// By an operator's word, in the message that comes next, what these heads are of is lost.
    /// `None`: the log is not what it says was kept, and it says nothing.
    pub fn accept(&mut self, sequence: u64, LossAccepted { kept, lost }: &LossAccepted) -> Option<Loss> {
        if self.tree.at(kept.size).is_none_or(|tree| tree.root() != kept.root) {
            return None;
        }
        let newest = lost.iter().map(|head| head.size).max().unwrap_or(0);
        self.known.retain(|size, known| {
            // Of those between the two the stream may still hold others.
            let between = *size > kept.size && *size < newest;
            known.retain(|known| {
                let gone = between && known.place.ends_with("KL_CHECKPOINTS");
                !gone && !lost.contains(&known.checkpoint.head())
            });
            !known.is_empty()
        });
        Some(Loss { sequence, from: kept.size + 1, to: newest })
    }

    /// The log ends at this sequence.
    pub fn end(mut self, last: u64, findings: &mut Findings) -> Option<Agreed> {
        let beyond = self.known.split_off(&(last + 1));
        if let Some((size, known)) = beyond.into_iter().next_back() {
            let place = known.first().map_or("somebody", |known| &known.place);
            let problem =
                format!("the log ends at {last}, and {place} is of {size} messages: its tail is lost");
            findings.add(Check::Checkpoint, last + 1, None, problem);
        }
        self.agreed
    }
}
