//! What a log that was put back from an older copy has lost, by the checkpoints that are known of it.

use events::log::Log;
use events::tlog::{Hash, Head, Tree};
use futures::StreamExt;
use projections::directory::proof::{Attested, Checkpoints, CheckpointsError};

use super::Sources;
use super::error::{KeeperError, followed};

/// The heads that an operator's word is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Loss {
    pub kept: Head,
    /// Never empty.
    pub lost: Vec<Head>,
}

/// Compares the whole log with what these places know. `None`: nothing is lost.
pub async fn look(log: &dyn Log, places: &[Sources]) -> Result<Option<Loss>, KeeperError> {
    let (id, last) = (log.id().await?, log.info().await?.last_sequence);
    let mut known: Vec<Attested> = Vec::new();
    for place in places {
        let found = place.newest(id).await.map_err(|error| match error {
            CheckpointsError::Unavailable(reason) => KeeperError::Unavailable(reason),
            CheckpointsError::Forged(reason) => KeeperError::Contradiction(reason),
        })?;
        known.extend(found);
    }
    let mut tree = Tree::new();
    let mut messages = log.follow(None).await.map_err(followed)?;
    while tree.size() < last {
        let Some(message) = messages.next().await else {
            return Err(KeeperError::Unavailable("the follower ended".to_owned()));
        };
        tree.push(Hash::message(&message.map_err(followed)?));
        if let Some(other) = known.iter().find(|it| it.size == tree.size() && it.root != tree.root()) {
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
    let kept = Head { size: last, root: tree.root() };
    Ok((!lost.is_empty()).then_some(Loss { kept, lost }))
}
