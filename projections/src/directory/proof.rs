//! Whether the log is the one that its checkpoints are of: a state machine beside the directory that is handed each
//! message's hash in order, and each checkpoint that one of the process's places knows, in any order.
//!
//! It promises: what has been read up to a checkpoint's size has that checkpoint's root, whichever of the two came
//! first, as long as a checkpoint that comes late is of the last several thousand messages; an older one says nothing that a
//! newer one does not. It leaves to [`Checkpoints`] where they lie and by whose key they are signed.

use std::collections::BTreeMap;
use std::time::Instant;

use async_trait::async_trait;
use events::LogId;
use events::installation::LossAccepted;
use events::tlog::{Hash, Head, RecentTree, Tree, Unsigned};

/// A checkpoint that was seen to be signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attested {
    /// The sequence of the last message that it covers.
    pub size: u64,
    pub root: Hash,
    /// Which of these messages carry no good signature, by the word of the key that signs now.
    pub unsigned: Unsigned,
    /// Where it was kept, in words.
    pub place: String,
}

/// Why no checkpoint was read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CheckpointsError {
    #[error("the log's checkpoints can't be read: {0}")]
    Unavailable(String),
    /// A place holds one that no key of this installation has signed, or one of another log.
    #[error("{0}")]
    Forged(String),
}

/// The places where a process finds checkpoints.
#[async_trait]
pub trait Checkpoints: Send + Sync + 'static {
    /// The newest of each place; none where there is none yet.
    async fn newest(&self, log: LogId) -> Result<Vec<Attested>, CheckpointsError>;
}

/// The places of a log that has no checkpoints: nothing is compared.
pub struct NoCheckpoints;

#[async_trait]
impl Checkpoints for NoCheckpoints {
    async fn newest(&self, _: LogId) -> Result<Vec<Attested>, CheckpointsError> {
        Ok(Vec::new())
    }
}

/// Checkpoints beyond what was read are kept, at most so many: the newest is never among those that are let go.
const AHEAD_AT_MOST: usize = 64;

/// What was read, beside what it should be.
#[derive(Debug, Default)]
pub(super) struct Proof {
    tree: RecentTree,
    /// By their sizes, with when they were known.
    ahead: BTreeMap<u64, Ahead>,
    /// Heads of what is lost by an operator's word.
    lost: Vec<Head>,
    /// One of those ahead, for whose sake less is judged: it is compared, whatever else comes.
    rests_on: Option<Head>,
}

#[derive(Debug)]
struct Ahead {
    attested: Attested,
    known_at: Instant,
}

impl Proof {
    /// Goes on from a snapshot's tree.
    pub fn begin(&mut self, tree: Tree) {
        self.tree = RecentTree::new(tree);
    }

    /// The next message's hash. An error is the contradiction, in words.
    pub fn read(&mut self, leaf: Hash) -> Result<(), String> {
        self.tree.push(leaf);
        let size = self.tree.now().size();
        let due = self.ahead.first_key_value().is_some_and(|(first, _)| *first <= size);
        if !due {
            return Ok(());
        }
        match self.ahead.pop_first() {
            Some((_, Ahead { attested, .. })) => compare(self.tree.now(), &attested),
            None => Ok(()),
        }
    }

    /// What the places know at this moment.
    pub fn attested(&mut self, found: Vec<Attested>, now: Instant) -> Result<(), String> {
        for attested in found {
            if self.lost.contains(&Head { size: attested.size, root: attested.root }) {
                continue;
            }
            if attested.size <= self.tree.now().size() {
                if let Some(tree) = self.tree.at(attested.size) {
                    compare(&tree, &attested)?;
                }
                continue;
            }
            if let Some(known) = self.ahead.get(&attested.size) {
                if known.attested.root != attested.root {
                    let (size, one, other) = (attested.size, &known.attested.place, &attested.place);
                    return Err(format!("{one} and {other} know different checkpoints of {size} messages"));
                }
                continue;
            }
            self.ahead.insert(attested.size, Ahead { attested, known_at: now });
            if self.ahead.len() > AHEAD_AT_MOST {
                let held = self.rests_on.map(|head| head.size);
                let oldest = self.ahead.keys().copied().find(|size| Some(*size) != held);
                oldest.and_then(|size| self.ahead.remove(&size));
            }
        }
        Ok(())
    }

    /// From here on something rests on this checkpoint's being compared. False: it is none of those ahead.
    pub fn rest_on(&mut self, head: Head) -> bool {
        let known = self.ahead.get(&head.size).is_some_and(|ahead| ahead.attested.root == head.root);
        if known {
            self.rests_on = Some(head);
        }
        known
    }

    /// A writer of the installation has written that what these heads are of is lost. It counts where the log is what
    /// it says was kept. An error: what was read rests on one of these heads.
    pub fn accept(&mut self, accepted: &LossAccepted) -> Result<bool, String> {
        let kept = self.tree.at(accepted.kept.size).is_some_and(|tree| tree.root() == accepted.kept.root);
        if kept {
            let ahead = self.rests_on.filter(|head| head.size > self.tree.now().size());
            if ahead.is_some_and(|head| accepted.lost.contains(&head)) {
                return Err("an operator has accepted that its tail is lost while it was read".to_owned());
            }
            self.lost.extend_from_slice(&accepted.lost);
            let lost = &self.lost;
            self.ahead.retain(|size, ahead| !lost.contains(&Head { size: *size, root: ahead.attested.root }));
        }
        Ok(kept)
    }

    /// The log ended here, for sure, at this moment.
    pub fn ends_at(&self, last: u64, as_of: Instant) -> Result<(), String> {
        let longer = self.ahead.range(last.saturating_add(1)..).next_back();
        match longer.filter(|(_, ahead)| ahead.known_at <= as_of) {
            Some((size, ahead)) => Err(format!(
                "it ends at {last}, and {} knows a checkpoint of {size} messages: its tail is lost",
                ahead.attested.place
            )),
            None => Ok(()),
        }
    }

    /// Whether a checkpoint is known of more than was read.
    pub fn is_behind(&self) -> bool {
        !self.ahead.is_empty()
    }

    /// The tree up to a message; `None`: that is long ago, or not yet.
    pub fn tree_at(&self, size: u64) -> Option<Tree> {
        self.tree.at(size)
    }
}

fn compare(tree: &Tree, attested: &Attested) -> Result<(), String> {
    if tree.root() == attested.root {
        metrics::gauge!("keyledger_checkpoint_compared_size").set(as_float(attested.size));
        return Ok(());
    }
    Err(format!(
        "its first {} messages are not those of the checkpoint that {} knows: one of them was changed, left out or put \
         in; `keyledger events verify` tells which",
        attested.size, attested.place
    ))
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; sizes stay far below 2^53")]
fn as_float(size: u64) -> f64 {
    size as f64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use events::clock::{Clock, SystemClock};

    use super::*;

    fn leaf(n: u64) -> Hash {
        Hash::leaf(&n.to_be_bytes())
    }

    fn tree(size: u64) -> Tree {
        let mut tree = Tree::new();
        (1..=size).for_each(|n| tree.push(leaf(n)));
        tree
    }

    fn attested(size: u64, root: Hash) -> Vec<Attested> {
        vec![Attested { size, root, unsigned: Unsigned::none(), place: "the vault".to_owned() }]
    }

    fn read(proof: &mut Proof, to: u64) -> Result<(), String> {
        (proof.tree.now().size() + 1..=to).try_for_each(|n| proof.read(leaf(n)))
    }

    fn now() -> Instant {
        SystemClock.instant()
    }

    #[test]
    fn a_checkpoint_counts_whether_it_comes_before_its_messages_or_after() {
        for (root, good) in [(tree(20).root(), true), (tree(19).root(), false)] {
            let mut before = Proof::default();
            before.attested(attested(20, root), now()).unwrap();
            read(&mut before, 19).unwrap();
            assert_eq!(read(&mut before, 30).is_ok(), good);

            let mut after = Proof::default();
            read(&mut after, 30).unwrap();
            assert_eq!(after.attested(attested(20, root), now()).is_ok(), good);

            let mut from_a_snapshot = Proof::default();
            from_a_snapshot.begin(tree(10));
            from_a_snapshot.attested(attested(5, Hash::empty()), now()).unwrap();
            from_a_snapshot.attested(attested(20, root), now()).unwrap();
            assert_eq!(read(&mut from_a_snapshot, 30).is_ok(), good);
        }
    }

    #[test]
    fn a_log_that_ends_before_a_checkpoint_has_lost_its_tail() {
        let (mut proof, known) = (Proof::default(), now());
        proof.attested(attested(20, tree(20).root()), known).unwrap();
        assert!(proof.ends_at(20, known).is_ok());
        assert!(proof.ends_at(19, known).unwrap_err().contains("ends at 19"));
        // The answer is as of before the checkpoint was known.
        assert!(proof.ends_at(19, known.checked_sub(Duration::from_secs(1)).unwrap()).is_ok());
        read(&mut proof, 20).unwrap();
        assert!(proof.ends_at(20, known).is_ok());
    }

    #[test]
    fn two_places_that_disagree_are_told() {
        let mut proof = Proof::default();
        proof.attested(attested(20, tree(20).root()), now()).unwrap();
        proof.attested(attested(20, tree(20).root()), now()).unwrap();
        assert!(proof.attested(attested(20, tree(21).root()), now()).is_err());
    }

    #[test]
    fn however_many_checkpoints_come_the_newest_is_kept() {
        let mut proof = Proof::default();
        for size in 1..=200 {
            proof.attested(attested(size, tree(size).root()), now()).unwrap();
        }
        assert_eq!(proof.ahead.len(), AHEAD_AT_MOST);
        read(&mut proof, 199).unwrap();
        assert!(proof.read(leaf(0)).is_err());
    }

    #[test]
    fn what_something_rests_on_is_compared_whatever_else_comes() {
        let head = |size| Head { size, root: tree(size).root() };
        let resting = |size| {
            let mut proof = Proof::default();
            proof.attested(attested(size, tree(size).root()), now()).unwrap();
            assert!(proof.rest_on(head(size)));
            proof
        };
        // Many newer ones.
        let mut proof = resting(5);
        for size in 6..=200 {
            proof.attested(attested(size, tree(size).root()), now()).unwrap();
        }
        read(&mut proof, 4).unwrap();
        assert!(proof.read(leaf(0)).is_err());

        // A loss that names it: once it was compared nothing rests on it any more.
        let loss = LossAccepted { kept: head(5), lost: vec![head(20)] };
        let mut proof = resting(20);
        read(&mut proof, 5).unwrap();
        assert!(proof.accept(&loss).is_err());
        read(&mut proof, 20).unwrap();
        assert_eq!(proof.accept(&loss), Ok(true));
        assert_eq!(resting(20).accept(&loss), Ok(false));

        // One that is not ahead is compared no more.
        let mut proof = Proof::default();
        assert!(!proof.rest_on(head(5)));
        proof.attested(attested(5, tree(5).root()), now()).unwrap();
        assert!(!proof.rest_on(Head { size: 5, root: Hash::empty() }));
    }
}
