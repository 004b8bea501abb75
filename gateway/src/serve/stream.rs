//! Looks at the log's stream: whether it still is as the log needs it.

use std::sync::Arc;
use std::time::Duration;

use events::lasting::Words;
use events::log::jetstream::{JetStreamLog, OpenError};

use super::Process;

pub(super) const DIFFERS: Words = Words {
    lasts: "the event log's stream is not as it must be",
    ends: "the event log's stream is as it must be again",
};

impl Process {
    /// A changed limit or TTL option would drop events: the stream's configuration is compared each minute.
    pub(super) fn watch_stream(&self, log: &JetStreamLog) {
        let (log, cancel) = (log.clone(), self.cancel.clone());
        let differs = Arc::clone(&self.stream_differs);
        self.tasks.spawn(async move {
            let every = Duration::from_secs(60);
            while cancel.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
                match log.check_stream().await {
                    Ok(()) => differs.ended(),
                    // Whoever follows says so.
                    Err(OpenError::Unavailable(_)) => {}
                    Err(
                        error @ (OpenError::ServerTooOld { .. }
                        | OpenError::NoStream
                        | OpenError::Unsigned
                        | OpenError::StreamDiffers(_)),
                    ) => differs.alarm(&error),
                }
            }
        });
    }
}
