//! What an operator has accepted as lost, where a log was put back from an older copy (`installation.loss_accepted`): from
//! there on sequences tell of other events than they did before.

use events::installation::LossAccepted;
use events::{AggregateType, Owner};
use sqlx::types::Json;

use crate::postgres::{Pool, ReadModelError};

/// A loss that was accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Loss {
    /// Of the event that says so.
    pub sequence: u64,
    /// The last event that was kept.
    pub kept: u64,
    /// The last one that is known to be lost, at least.
    pub lost: u64,
}

/// Oldest first.
pub async fn losses(pool: &Pool) -> Result<Vec<Loss>, ReadModelError> {
    let found: Vec<(i64, Json<LossAccepted>)> = sqlx::query_as(LOSSES)
        .bind(Owner::Installation.to_string())
        .bind(AggregateType::Installation.as_str())
        .fetch_all(pool.inner())
        .await?;
    let loss = |(sequence, Json(LossAccepted { kept, lost })): (i64, _)| Loss {
        sequence: sequence.cast_unsigned(),
        kept: kept.size,
        lost: lost.iter().map(|head| head.size).max().unwrap_or(kept.size),
    };
    Ok(found.into_iter().map(loss).collect())
}

const LOSSES: &str = "SELECT sequence, data FROM history \
     WHERE owner = $1 AND aggregate_type = $2 AND kind = 'installation.loss_accepted' ORDER BY sequence";

impl Loss {
    /// Of these, the one that leaves the least of what a reader knows who has come to `sequence`. `seen`: the newest loss that was
    /// in the log then, by its sequence; where that is not known, `sequence` may be of what was lost.
    pub fn before(losses: &[Self], sequence: u64, seen: Option<u64>) -> Option<Self> {
        let unseen = |loss: &&Self| match seen {
            Some(seen) => loss.sequence > seen,
            None => sequence <= loss.lost,
        };
        losses.iter().filter(|loss| sequence > loss.kept).filter(unseen).min_by_key(|loss| loss.kept).copied()
    }

    /// The newest of these in the log up to a sequence, by its own.
    pub fn newest(losses: &[Self], sequence: u64) -> Option<u64> {
        losses.iter().rev().map(|loss| loss.sequence).find(|loss| *loss <= sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_of_what_is_lost_or_it_is_not() {
        let (first, second) =
            (Loss { sequence: 25, kept: 24, lost: 42 }, Loss { sequence: 31, kept: 20, lost: 35 });
        let losses = [first, second];
        let before = |sequence, seen| Loss::before(&losses, sequence, seen);
        assert_eq!(Loss::before(&[], 40, None), None);
        // From before both, or of a time that is not known.
        assert_eq!((before(20, None), before(22, None), before(40, None)), (None, Some(second), Some(first)));
        assert_eq!(before(43, None), None, "nobody knows of one that was lost there");
        assert_eq!((before(28, Some(25)), before(40, Some(25))), (Some(second), Some(second)));
        assert_eq!((before(40, Some(31)), before(20, Some(25))), (None, None));
        let newest = |sequence| Loss::newest(&losses, sequence);
        assert_eq!((newest(24), newest(25), newest(30), newest(90)), (None, Some(25), Some(25), Some(31)));
    }
}
