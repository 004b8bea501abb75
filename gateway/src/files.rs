//! Files that are read anew while the process runs: now and then, and at once when somebody says that they have changed.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How often a file is looked at. By what it holds: its time says little where a link is moved.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Looks until cancelled. `now`: somebody says that the files have changed.
pub async fn keep_looking(mut now: watch::Receiver<()>, cancel: CancellationToken, mut look: impl FnMut()) {
    loop {
        tokio::select! {
            biased;
            () = cancel.cancelled() => return,
            Ok(()) = now.changed() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        look();
    }
}
