//! Waiting for the thing itself, with a bound, and with what was last seen when the bound passes. No test
//! sleeps for a while and hopes.

use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use events::clock::{Clock, SystemClock};

const PAUSE: Duration = Duration::from_millis(5);

/// Asks `check` again until it is `Ok`, and gives that with the time it took. Panics when `bound` passes,
/// with `what` was waited for and the last `Err`.
pub async fn until<T, E: Debug>(
    what: &str,
    bound: Duration,
    mut check: impl AsyncFnMut() -> Result<T, E>,
) -> (T, Duration) {
    let start = SystemClock.instant();
    let mut last = "nothing yet".to_owned();
    loop {
        let left = bound.saturating_sub(start.elapsed());
        match tokio::time::timeout(left, check()).await {
            Ok(Ok(value)) => return (value, start.elapsed()),
            // A check that answers at once is never timed out.
            Ok(Err(status)) if !left.is_zero() => last = format!("{status:?}"),
            Ok(Err(_)) | Err(_) => panic!("{what}: not within {bound:?}; last seen: {last}"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The future's value, or a panic that says what did not come within `bound`.
pub async fn within<T>(what: &str, bound: Duration, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(bound, future).await.unwrap_or_else(|_| panic!("{what}: not within {bound:?}"))
}
