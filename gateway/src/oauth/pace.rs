//! How many in a minute: GCRA (ITU-T I.371) over one clock, for what anybody may cause.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A pace, and how far what was let through is ahead of it.
pub struct Pace {
    each: Duration,
    burst: Duration,
    /// When the next one would be on time.
    due: Mutex<Option<Instant>>,
}

impl Pace {
    /// `per_minute` in the long run, `burst` at once.
    pub fn new(per_minute: u32, burst: u32) -> Self {
        let each = Duration::from_secs(60) / per_minute.max(1);
        Self { each, burst: each * burst.max(1).saturating_sub(1), due: Mutex::default() }
    }

    /// Lets one through, or says in how long the next one is.
    pub fn pass(&self, now: Instant) -> Result<(), Duration> {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        let at = due.map_or(now, |due| due.max(now));
        let ahead = at.saturating_duration_since(now);
        if ahead > self.burst {
            return Err(ahead.saturating_sub(self.burst));
        }
        *due = Some(at + self.each);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use events::clock::{Clock, SystemClock};

    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_pace_holds() {
        let pace = Pace::new(60, 3);
        let start = SystemClock.instant();
        let at = |millis| start + Duration::from_millis(millis);
        for _ in 0..3 {
            assert_eq!(pace.pass(at(0)), Ok(()));
        }
        assert_eq!(pace.pass(at(0)), Err(Duration::from_secs(1)));
        assert_eq!(pace.pass(at(400)), Err(Duration::from_millis(600)));
        assert_eq!(pace.pass(at(1_000)), Ok(()));
        assert_eq!(pace.pass(at(1_000)), Err(Duration::from_secs(1)));
        // A long rest gives no more than the burst.
        let passed = (0..10).filter(|_| pace.pass(at(600_000)).is_ok()).count();
        assert_eq!(passed, 3);
    }
}
