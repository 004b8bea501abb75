//! What a log that was put back from an older copy has lost, by the checkpoints that are known of it.

use events::installation::LossAccepted;
use events::log::Log;
use events::tlog::{Hash, Head, RecentTree};
use events::{Read, Signers};
use futures::StreamExt;
use projections::directory::proof::{Attested, CheckpointsError};

use super::Sources;
use super::error::{KeeperError, followed};

/// The heads that an operator's word is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Loss {
    pub kept: Head,
    /// Never empty.
    pub lost: Vec<Head>,
}

/// How a log stands beside what is known of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It holds all that its newest checkpoint is of.
    Whole,
    /// An operator's word on all that is lost is in it, in the message of this sequence.
    Accepted(Loss, u64),
    Lost(Loss),
}

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    pub standing: Standing,
    /// What PostgreSQL keeps by a key that this log does not know, and is among the lost where it lies beyond the log's end.
    /// Whoever accepts the loss has PostgreSQL forget it: no process can tell it from a forged one.
    pub unproven: Option<Head>,
}

/// Compares the whole log with what these places know.
pub async fn look(log: &dyn Log, places: &[Sources]) -> Result<Found, KeeperError> {
    let (id, last) = (log.id().await?, log.info().await?.last_sequence);
    let mut known: Vec<Attested> = Vec::new();
    let mut unproven = None;
    for place in places {
        let (found, apart) = place.beside_a_loss(id).await.map_err(|error| match error {
            CheckpointsError::Unavailable(reason) => KeeperError::Unavailable(reason),
            CheckpointsError::Forged(reason) => KeeperError::Contradiction(reason),
        })?;
        known.extend(found);
        unproven = unproven.or(apart);
    }
    known.extend(unproven.clone());
    let unproven = unproven.map(|it| Head { size: it.size, root: it.root });
    let (mut tree, signers) = (RecentTree::default(), Signers::default());
    let mut accepted = None;
    let mut messages = log.follow(None).await.map_err(followed)?;
    while tree.now().size() < last {
        let Some(message) = messages.next().await else {
            return Err(KeeperError::Unavailable("the follower ended".to_owned()));
        };
        let message = message.map_err(followed)?;
        let read = signers.read(&message, id);
        if let Read::Event(recorded) = &read {
            signers.take(recorded);
        }
        if let Some(LossAccepted { kept, lost }) = read.loss_accepted()
            && tree.at(kept.size).is_some_and(|then| then.root() == kept.root)
        {
            let before = known.len();
            known.retain(|it| !lost.contains(&Head { size: it.size, root: it.root }));
            if known.len() < before {
                accepted = Some((Loss { kept: *kept, lost: lost.clone() }, message.sequence));
            }
        }
        tree.push(Hash::message(&message));
        let now = tree.now();
        if let Some(other) = known.iter().find(|it| it.size == now.size() && it.root != now.root()) {
            return Err(KeeperError::Contradiction(format!(
                "its first {} messages are not those of the checkpoint that {} knows: that is no loss at its end. Where \
                 something was written since the copy was put back, put it back once more and accept the loss before any \
                 process runs",
                other.size, other.place
            )));
        }
    }
    let mut lost: Vec<Head> =
        known.iter().filter(|it| it.size > last).map(|it| Head { size: it.size, root: it.root }).collect();
    lost.sort_unstable();
    lost.dedup();
    if !lost.is_empty() {
        let kept = Head { size: last, root: tree.now().root() };
        return Ok(Found { standing: Standing::Lost(Loss { kept, lost }), unproven });
    }
    let standing = accepted.map_or(Standing::Whole, |(loss, sequence)| Standing::Accepted(loss, sequence));
    Ok(Found { standing, unproven })
}
