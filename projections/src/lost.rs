//! What the read models tell of and the log has not: what came after a backup that was restored.
//!
//! Up to some place both have the same events, and after it none: each event of the log rests on those before it. So the
//! place is found by halving, with a message of the log for each step.

use events::log::Log;
use events::{EventId, LogId, Owner};

use crate::checkpoint;
use crate::origin::CompareError;
use crate::postgres::Pool;
use crate::postgres::history::{self, Told};

/// Of events that the log has lost.
#[derive(Debug)]
pub struct Lost {
    /// The sequence of the last event that both have; 0: they have none in common.
    pub after: u64,
    /// In the order in which they happened.
    pub events: Vec<Told>,
    /// There are further ones.
    pub more: bool,
}

/// Why nobody can say what is lost.
#[derive(Debug, thiserror::Error)]
pub enum LostError {
    #[error(transparent)]
    Compare(#[from] CompareError),
    #[error(
        "the read models were built from the log {theirs}, and this is the log {ours}: another installation's"
    )]
    AnotherLog { theirs: LogId, ours: LogId },
}

/// So many are told at most.
pub const MOST: usize = 10_000;
const PAGE: usize = 1_000;

/// Compares the history with the log.
pub async fn find(log: &dyn Log, pool: &Pool) -> Result<Lost, LostError> {
    let ours = log.id().await.map_err(CompareError::from)?;
    let checkpoints = checkpoint::all(pool).await.map_err(CompareError::from)?;
    if let Some(other) = checkpoints.into_iter().filter_map(|(_, it)| it).find(|it| it.log != ours) {
        return Err(LostError::AnotherLog { theirs: other.log, ours });
    }
    let after = last_in_common(log, ours, pool).await?;
    let mut lost = Lost { after, events: Vec::new(), more: false };
    loop {
        let last = lost.events.last().map_or(after, |told| told.row.sequence);
        let rows = history::after(pool, last, PAGE as i64).await.map_err(CompareError::from)?;
        let is_last = rows.len() < PAGE;
        let told = history::told(pool, Owner::Installation, rows).await.map_err(CompareError::from)?;
        lost.events.extend(told);
        if is_last {
            return Ok(lost);
        }
        if lost.events.len() >= MOST {
            lost.more = true;
            return Ok(lost);
        }
    }
}

async fn last_in_common(log: &dyn Log, id: LogId, pool: &Pool) -> Result<u64, CompareError> {
    // Up to `same` they are the same, and from `other` on they are not.
    let (mut same, mut other) = (0, history::last(pool).await? + 1);
    while other - same > 1 {
        let middle = same + (other - same) / 2;
        match history::from(pool, middle).await? {
            Some((sequence, event)) if sequence < other && has(log, id, sequence, event).await? => {
                same = sequence;
            }
            // Between the middle and that event there is none.
            Some(_) | None => other = middle,
        }
    }
    Ok(same)
}

async fn has(log: &dyn Log, id: LogId, sequence: u64, event: EventId) -> Result<bool, CompareError> {
    let stored = log.message(sequence).await?;
    Ok(stored.is_some_and(|stored| stored.read(id).event_id() == Some(event)))
}
