//! What the gate goes by, as gauges.

use super::Gate;

impl Gate {
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
