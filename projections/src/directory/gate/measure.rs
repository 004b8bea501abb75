//! What the gate goes by, as gauges, and in words where it may soon be closed.

use std::fmt;
use std::time::Duration;

use super::{Gate, OnStale};

/// What is known grows old: half of the bound is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aging {
    pub age: Duration,
    /// Of the gate's configuration, as is the next.
    pub max: Duration,
    pub on_stale: OnStale,
}

impl fmt::Display for Aging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { age, max, on_stale } = self;
        let (age, max) = (age.as_secs_f64(), max.as_secs_f64());
        write!(f, "what is known of the log was last confirmed {age:.0} s ago, ")?;
        match on_stale {
            OnStale::Refuse => write!(f, "stops at {max:.0} s"),
            OnStale::Serve => write!(f, "stale at {max:.0} s and served all the same (`freshness.on_stale`)"),
        }
    }
}

impl Gate {
    /// How old what is known is, from half of the bound on; `None`: it is younger, or there is nothing yet.
    pub fn aging(&self) -> Option<Aging> {
        let (age, max) = (self.age()?, self.config.max_staleness);
        (age >= max / 2).then_some(Aging { age, max, on_stale: self.config.on_stale })
    }

    /// Sets the gauges, as things stand now. The log's end is what its leader said last.
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float; the counts stay far below 2^53")]
    pub fn measure(&self) {
        let status = self.status();
        let lag = status.target.saturating_sub(status.applied);
        metrics::gauge!("keyledger_log_last_sequence").set(status.target.max(status.applied) as f64);
        metrics::gauge!("keyledger_directory_lag_events").set(lag as f64);
        if let Some(age) = status.age_seconds {
            metrics::gauge!("keyledger_freshness_age_seconds").set(age);
        }
        metrics::gauge!("keyledger_freshness_bound_seconds").set(self.config.max_staleness.as_secs_f64());
        metrics::gauge!("keyledger_clock_offset_seconds").set(status.clock_offset_millis as f64 / 1_000.0);
        metrics::gauge!("keyledger_serving_stale").set(u8::from(status.serving_stale));
    }

    /// Where the log ends, as far as it is known here.
    pub fn log_end(&self) -> u64 {
        self.target().max(self.applied())
    }
}
