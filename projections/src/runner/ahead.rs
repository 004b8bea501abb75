//! Reads ahead of the database: while one batch is stored, what follows is read, decoded and opened, so that neither
//! waits for the other. How far ahead is bounded, by messages and by bytes.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use events::LogId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::batch::Item;
use super::reader::Following;
use super::{ProjectError, Projector};

/// Bytes of messages that were read and are not stored yet, at most (a single message is read whatever it has).
const ROOM: usize = 16 * 1024 * 1024;
/// Between the beginnings of two batches, at least: under steady commands a batch then holds what came in this time, and
/// the database is left alone meanwhile. A lone event is stored at once.
const PACE: Duration = Duration::from_millis(20);

/// A message that was made ready, with the room that it takes; or why there is no further one.
type Ready = Result<(Item, OwnedSemaphorePermit), ProjectError>;

/// What was read ahead.
pub(super) struct Ahead {
    ready: mpsc::Receiver<Ready>,
    batch: usize,
    taken: Vec<Ready>,
    pace: Interval,
}

/// A batch in the order of the log.
pub(super) struct Taken {
    pub items: Vec<Item>,
    /// Nothing follows it: why.
    pub end: Option<ProjectError>,
    _room: Vec<OwnedSemaphorePermit>,
}

/// Where what was read is taken from in batches, and what reads it, which has to run beside.
pub(super) fn read(
    projector: &Projector,
    log: LogId,
    follower: Following,
) -> (Ahead, impl Future<Output = Infallible>) {
    let batch = projector.config.batch;
    let (tell, ready) = mpsc::channel(batch);
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    (Ahead { ready, batch, taken: Vec::new(), pace }, keep_reading(projector, log, follower, tell))
}

async fn keep_reading(
    projector: &Projector,
    log: LogId,
    mut follower: Following,
    tell: mpsc::Sender<Ready>,
) -> Infallible {
    let room = Arc::new(Semaphore::new(ROOM));
    loop {
        let next = next(projector, log, &mut follower, &room).await;
        let is_last = next.is_err();
        if tell.send(next).await.is_err() || is_last {
            return pending().await;
        }
    }
}

async fn next(projector: &Projector, log: LogId, follower: &mut Following, room: &Arc<Semaphore>) -> Ready {
    let message = follower.next().await?;
    let bytes = u32::try_from(message.stored.payload.len().min(ROOM)).unwrap_or(u32::MAX);
    let place = Arc::clone(room).acquire_many_owned(bytes).await.map_err(|_| ended())?;
    Ok((projector.prepare(message, log).await?, place))
}

fn ended() -> ProjectError {
    ProjectError::Log("the follower ended".to_owned())
}

impl Ahead {
    /// All that is ready, a batch at most; waits until there is something.
    pub async fn take(&mut self) -> Taken {
        let mut taken = Taken { items: Vec::new(), end: None, _room: Vec::new() };
        // What fills a batch need not be gathered.
        if self.ready.len() < self.batch {
            self.pace.tick().await;
        }
        if self.ready.recv_many(&mut self.taken, self.batch).await == 0 {
            taken.end = Some(ended());
        }
        for ready in self.taken.drain(..) {
            match ready {
                Ok((item, room)) => {
                    taken.items.push(item);
                    taken._room.push(room);
                }
                Err(error) => taken.end = Some(error),
            }
        }
        taken
    }
}
