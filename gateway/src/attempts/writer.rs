//! Stores steps, one after the other, until it is told to end. While NATS is away it tries again, and what comes meanwhile
//! waits in the queue, as long as that has room.

use std::time::Duration;

use bytes::Bytes;
use events::lasting::Lasting;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::recorder::dropped;
use super::step::Step;
use crate::store::attempts::{AttemptSteps, MAX_STEP, Side};

/// After a failure.
const PAUSE: Duration = Duration::from_secs(1);
/// For what waits when the process ends.
const LAST: Duration = Duration::from_secs(1);

pub struct Writer {
    pub queue: mpsc::Receiver<Step>,
    pub steps: AttemptSteps,
    pub side: Side,
    pub unstored: Lasting,
}

impl Writer {
    pub async fn run(mut self, cancel: CancellationToken) {
        let storing = async {
            while let Some(step) = self.queue.recv().await {
                self.store(&step).await;
            }
        };
        // The one that is being stored then is lost: it is a help, and no proof.
        if cancel.run_until_cancelled(storing).await.is_none() {
            let rest = async {
                while let Ok(step) = self.queue.try_recv() {
                    self.store(&step).await;
                }
            };
            if tokio::time::timeout(LAST, rest).await.is_err() {
                dropped(self.queue.len() as u64);
            }
        }
    }

    /// Again and again until it is stored.
    async fn store(&self, step: &Step) {
        let bytes = serde_json::to_vec(step).map(Bytes::from).ok().filter(|bytes| bytes.len() <= MAX_STEP);
        let Some(bytes) = bytes else { return dropped(1) };
        while let Err(error) = self.steps.append(self.side, bytes.clone()).await {
            self.unstored.warn(&error.to_string());
            tokio::time::sleep(PAUSE).await;
        }
        self.unstored.ended();
    }
}
