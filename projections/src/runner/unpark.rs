//! Takes in what a version before this one had to park: aggregates whose parked events can all be read now.

use std::collections::BTreeMap;

use events::LogId;

use super::batch::{self, Item, What};
use super::{ProjectError, Projector, is_refused};
use crate::checkpoint::Checkpoint;
use crate::parked;

/// At most this many parked events are looked at; more are a matter for a rebuild.
const LOOKED_AT: i64 = 10_000;

/// Looks through the parked events once.
pub(super) async fn unpark(projector: &Projector, log: LogId, from: &Checkpoint) -> Result<(), ProjectError> {
    let mut aggregates: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for (subject, sequence) in parked::sequences(&projector.pool, LOOKED_AT).await? {
        aggregates.entry(subject).or_default().push(sequence);
    }
    for (subject, sequences) in aggregates {
        let Some(items) = readable(projector, log, &sequences).await? else { continue };
        match batch::unpark(&projector.pool, from, &subject, &items).await {
            Ok(true) => {
                tracing::info!(%subject, events = items.len(), "parked events can be read now: taken in")
            }
            Ok(false) => return Err(ProjectError::Fenced),
            Err(error) if is_refused(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// The events of these sequences; `None` while one of them can't be read.
async fn readable(
    projector: &Projector,
    log: LogId,
    sequences: &[u64],
) -> Result<Option<Vec<Item>>, ProjectError> {
    let mut items = Vec::with_capacity(sequences.len());
    for sequence in sequences {
        let message = projector.log.message(*sequence).await;
        let message = message.map_err(|error| ProjectError::Log(error.to_string()))?;
        let Some(message) = message else { return Ok(None) };
        let events::Read::Event(_) = message.read(log) else { return Ok(None) };
        let item = projector.prepare(&message, log).await?;
        match item.what {
            What::Event { .. } => items.push(item),
            What::Parked(_) | What::Foreign => return Ok(None),
        }
    }
    Ok(Some(items))
}
