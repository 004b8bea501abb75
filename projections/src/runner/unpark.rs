//! Takes in what had to be parked: what of an aggregate can be read and stored now, up to the first event that can't.

use std::sync::Arc;

use events::LogId;
use serde::Serialize;

use super::batch::{self, Item, Unparked, What};
use super::reader::Message;
use super::{ProjectError, Projector, is_refused};
use crate::checkpoint::Checkpoint;
use crate::parked;

/// At most this many aggregates are looked at, and events of one; more are a matter for a rebuild.
const LOOKED_AT: i64 = 10_000;

/// What came of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Retried {
    /// Aggregates that wait no longer, and how many events of theirs were taken in.
    pub aggregates: u64,
    pub events: u64,
    /// Events that still wait.
    pub waiting: u64,
}

/// Looks through the parked events once; those of one aggregate, where a subject is given.
pub(super) async fn unpark(
    projector: &Projector,
    log: LogId,
    from: &Checkpoint,
    only: Option<&str>,
) -> Result<Retried, ProjectError> {
    let (pool, projection) = (&projector.pool, projector.projection);
    let subjects = match only {
        Some(subject) => vec![subject.to_owned()],
        None => parked::subjects(pool, projection, LOOKED_AT).await?,
    };
    let mut retried = Retried::default();
    for subject in subjects {
        let sequences = parked::sequences(pool, projection, &subject, LOOKED_AT).await?;
        if sequences.is_empty() {
            continue;
        }
        let items = readable(projector, log, &sequences).await?;
        if items.is_empty() {
            continue;
        }
        let waiting = sequences.len() - items.len();
        match batch::unpark(pool, projection, from, &subject, &items, waiting).await {
            Ok(Unparked::TakenIn(events)) => {
                retried.aggregates += u64::from(waiting == 0 && events == items.len());
                retried.events += u64::try_from(events).unwrap_or(u64::MAX);
                tracing::info!(%projection, %subject, events, "parked events can be taken in now");
            }
            Ok(Unparked::MoreWait | Unparked::OutOfPlace) => {}
            Ok(Unparked::Fenced) => return Err(ProjectError::Fenced),
            Err(error) if is_refused(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
    retried.waiting = parked::count(pool, projection).await?;
    Ok(retried)
}

/// The events of these sequences, up to the first that can't be read.
async fn readable(projector: &Projector, log: LogId, sequences: &[u64]) -> Result<Vec<Item>, ProjectError> {
    let mut items = Vec::with_capacity(sequences.len());
    for sequence in sequences {
        let message = projector.reader.log().message(*sequence).await;
        let message = message.map_err(|error| ProjectError::Log(error.to_string()))?;
        let Some(message) = message else { break };
        let message = Arc::new(Message::new(message));
        let events::Read::Event(_) = projector.read(&message, log).await? else { break };
        let item = projector.prepare(message, log).await?;
        match item.what {
            What::Event(_) => items.push(item),
            What::Parked(_) | What::PassedOver => break,
        }
    }
    Ok(items)
}
