//! What is signed of the log: up to where files may go, and what a file's proof ends in.

use events::log::Follower;
use events::tlog::{Checkpoint, Hash, Note, RangeProof, RangeTree, Usage, VerifierKey, origin};
use events::{LogId, Shard, SignerPurpose};

use super::part::{self, Part};
use super::{ExportError, Parts};
use crate::store::checkpoints::StoredNote;
use crate::store::checkpoints::largest::{self, Believed};
use crate::store::stream::StreamError;

/// A checkpoint that a key of the log signed.
pub(super) struct Signed {
    note: Note,
    pub checkpoint: Checkpoint,
    keys: Vec<VerifierKey>,
    /// In the stream of checkpoints.
    sequence: u64,
}

impl From<StreamError> for ExportError {
    fn from(error: StreamError) -> Self {
        Self::Checkpoints(error.to_string())
    }
}

/// The newest; `None`: nothing is signed yet.
pub(super) async fn newest(parts: &Parts, log: LogId) -> Result<Option<Signed>, ExportError> {
    let stored = parts.checkpoints.recent().await?;
    // A key that is not known yet may have been published since: this catches up.
    let lost = parts.signers.lost(&*parts.log).await?;
    let keys = keys(parts, log);
    let found = largest::largest(&stored, &origin(log, Shard::ZERO), &keys, &lost);
    let found = found.map_err(ExportError::Checkpoints)?;
    Ok(found.map(|Believed { note, checkpoint, sequence }| Signed { note, checkpoint, keys, sequence }))
}

fn keys(parts: &Parts, log: LogId) -> Vec<VerifierKey> {
    let name = origin(log, Shard::ZERO);
    let now = parts.signers.now();
    let heads = now.all().iter().filter(|signer| signer.purpose == SignerPurpose::Checkpoint);
    heads.filter_map(|signer| VerifierKey::new(&name, Usage::Note, signer.key.public.0).ok()).collect()
}

fn open(stored: &StoredNote, log: LogId, keys: Vec<VerifierKey>) -> Result<Signed, ExportError> {
    let opened = largest::open(&stored.text, &origin(log, Shard::ZERO), &keys);
    let (note, checkpoint) = opened.map_err(|problem| {
        ExportError::Checkpoints(format!("message {} of KL_CHECKPOINTS: {problem}", stored.sequence))
    })?;
    Ok(Signed { note, checkpoint, keys, sequence: stored.sequence })
}

/// The proof of a part: it ends in the first checkpoint that covers it. The follower stands at the part's end, and is read on
/// to the checkpoint's.
pub(super) async fn prove(
    parts: &Parts,
    follower: &mut Follower,
    part: &Part,
    newest: Signed,
) -> Result<RangeProof, ExportError> {
    if newest.checkpoint.size < part.last {
        let size = newest.checkpoint.size;
        let problem =
            format!("the newest is of {size} messages, and message {} was signed before", part.last);
        return Err(ExportError::Checkpoints(problem));
    }
    let signed = first_that_covers(parts, part.last, newest).await?;
    let mut after = RangeTree::at(part.last);
    while after.end() < signed.checkpoint.size {
        after.push(Hash::message(&part::next(follower, after.end()).await?));
    }
    let Signed { note, checkpoint, keys, .. } = signed;
    let proof = RangeProof {
        first: part.first,
        last: part.last,
        before: part.before.edge().to_vec(),
        after: after.hashes(),
        checkpoint: note,
    };
    // What would prove nothing is not written: the log is not what was signed, or this export's place is not.
    proof
        .end(part.tree.clone(), &checkpoint.origin, &keys)
        .map_err(|error| ExportError::Diverged(error.to_string()))?;
    Ok(proof)
}

/// Checkpoints lie in the order of their sizes. One out of that order ends or misleads the search: what is at hand covers the
/// part as well.
async fn first_that_covers(parts: &Parts, last: u64, newest: Signed) -> Result<Signed, ExportError> {
    let (mut from, mut found) = (1, newest);
    while from < found.sequence && found.checkpoint.size > last {
        let middle = from + (found.sequence - from) / 2;
        let Some(stored) = parts.checkpoints.from(middle).await? else { break };
        if stored.sequence >= found.sequence {
            break;
        }
        // One that can't be used ends the search: the one at hand covers the part as well.
        let log = parts.log.id().await?;
        let Ok(signed) = open(&stored, log, found.keys.clone()) else { break };
        if signed.checkpoint.size >= last {
            found = signed;
        } else {
            from = stored.sequence + 1;
        }
    }
    Ok(found)
}

/// Whether a proof that is there is one of this part. Which checkpoint it ends in is its own affair.
pub(super) fn is_of(found: &[u8], part: &Part) -> bool {
    let proof = std::str::from_utf8(found).ok().and_then(|text| text.parse::<RangeProof>().ok());
    proof.is_some_and(|proof| {
        (proof.first, proof.last) == (part.first, part.last) && proof.before == part.before.edge()
    })
}
