//! How far a rebuild or a comparison is.

use std::time::{Duration, Instant};

use events::clock::{Clock, SystemClock};
use projections::Projection;
use projections::rebuild::Progress;

use crate::cli::output::Output;

/// Once a second a line for people.
pub(super) struct Shown {
    projection: Projection,
    /// When the filling began, and with how many events.
    start: Option<(Instant, u64)>,
    last: Option<Instant>,
}

const EVERY: Duration = Duration::from_secs(1);

impl Shown {
    pub fn new(projection: Projection) -> Self {
        Self { projection, start: None, last: None }
    }

    pub fn tell(&mut self, progress: Progress, output: &mut Output) {
        let now = SystemClock.instant();
        let projection = self.projection;
        match progress {
            Progress::Filling { done, until } => {
                let (start, before) = *self.start.get_or_insert((now, done));
                if self.last.is_some_and(|last| now.saturating_duration_since(last) < EVERY) && done < until {
                    return;
                }
                self.last = Some(now);
                let rate = rate(done.saturating_sub(before), now.saturating_duration_since(start));
                output.note(format!(
                    "{projection}: {done} of {until} events{}",
                    rest(until - done.min(until), rate)
                ));
            }
            Progress::Comparing => output.note(format!("{projection}: comparing with the live one")),
            Progress::Switching => output.note(format!("{projection}: switching")),
        }
    }
}

/// Events a second; `None` while it is too early to tell.
fn rate(events: u64, time: Duration) -> Option<u64> {
    let millis = u64::try_from(time.as_millis()).ok().filter(|millis| *millis >= 200)?;
    Some(events.saturating_mul(1_000) / millis).filter(|rate| *rate > 0)
}

fn rest(events: u64, rate: Option<u64>) -> String {
    rate.map_or_else(String::new, |rate| format!(", {rate}/s, {} s to go", events.div_ceil(rate)))
}
