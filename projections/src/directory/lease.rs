//! The lease under which a process is a member of the fleet. What it asks the log while it holds none proves
//! nothing: others may have counted on its knowing no more, or on its not being there.
//!
//! It lasts from the acknowledgement of the first record until a fixed time after the last one was sent: whoever
//! sees a record that has not changed for longer knows that the lease has ended.

use std::time::{Duration, Instant};

/// Since when and until when the lease is held without a break, on the process's monotonic clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct Lease(Option<Held>);

#[derive(Debug, Clone, Copy)]
struct Held {
    since: Instant,
    until: Instant,
}

impl Lease {
    /// A record that was sent then has been acknowledged. One that comes after the end begins a new lease: between
    /// the two none was held, whenever it was sent.
    pub fn renewed(&mut self, sent_at: Instant, acknowledged_at: Instant, lasts: Duration) {
        let until = sent_at + lasts;
        match &mut self.0 {
            Some(held) if acknowledged_at <= held.until => held.until = held.until.max(until),
            Some(_) | None if acknowledged_at < until => {
                self.0 = Some(Held { since: acknowledged_at, until });
            }
            Some(_) | None => {}
        }
    }

    pub fn lost(&mut self) {
        self.0 = None;
    }

    pub fn held_at(&self, at: Instant) -> bool {
        self.0.is_some_and(|held| held.since <= at && at < held.until)
    }
}

#[cfg(test)]
mod tests {
    use events::clock::{Clock, SystemClock};

    use super::*;

    const LASTS: Duration = Duration::from_millis(100);

    #[test]
    fn it_counts_from_the_acknowledgement_until_after_the_sending() {
        let start = SystemClock.instant();
        let at = |millis| start + Duration::from_millis(millis);
        let mut lease = Lease::default();
        assert!(!lease.held_at(at(0)));
        lease.renewed(at(0), at(40), LASTS);
        assert_eq!([39, 40, 99, 100].map(|millis| lease.held_at(at(millis))), [false, true, true, false]);
        lease.renewed(at(80), at(90), LASTS);
        assert_eq!([40, 179, 180].map(|millis| lease.held_at(at(millis))), [true, true, false]);
    }

    #[test]
    fn after_a_break_it_begins_anew() {
        let start = SystemClock.instant();
        let at = |millis| start + Duration::from_millis(millis);
        let mut lease = Lease::default();
        lease.renewed(at(0), at(10), LASTS);
        // Sent in time, acknowledged too late: in between others may have counted on its end.
        lease.renewed(at(90), at(150), LASTS);
        assert_eq!([90, 120, 149, 150].map(|millis| lease.held_at(at(millis))), [false, false, false, true]);
        lease.lost();
        assert!(!lease.held_at(at(160)));
        lease.renewed(at(200), at(300), LASTS);
        assert!(!lease.held_at(at(300)), "it ended before it was acknowledged");
    }
}
