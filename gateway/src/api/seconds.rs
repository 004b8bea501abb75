//! Lengths of time, as the admin API takes and tells them: a number of seconds, to the millisecond, in members whose names
//! end in `_seconds`. What is stored keeps its own units.

use std::time::Duration;

use events::server::TimeoutMs;
use serde::{Deserialize, Serialize};

/// To the millisecond.
pub fn seconds(duration: Duration) -> f64 {
    of_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

#[expect(clippy::cast_precision_loss, reason = "a length that loses a millisecond is one of 285,000 years")]
pub fn of_millis(millis: u64) -> f64 {
    millis as f64 / 1_000.0
}

/// Positive or negative.
#[expect(clippy::cast_precision_loss, reason = "as above")]
pub fn of_signed_millis(millis: i64) -> f64 {
    millis as f64 / 1_000.0
}

/// To the nearest millisecond. `None`: it is negative, or no length at all.
pub fn length(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64((seconds * 1_000.0).round() / 1_000.0).ok()
}

/// A server's own time-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Timeout(pub TimeoutMs);

impl TryFrom<f64> for Timeout {
    type Error = &'static str;

    fn try_from(seconds: f64) -> Result<Self, Self::Error> {
        let millis = length(seconds).and_then(|length| u32::try_from(length.as_millis()).ok());
        let timeout = millis.and_then(|millis| TimeoutMs::try_from(millis).ok());
        timeout.map(Self).ok_or("a time-out is 0.1 to 3600 seconds")
    }
}

impl From<Timeout> for f64 {
    fn from(Timeout(timeout): Timeout) -> Self {
        seconds(timeout.duration())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_comes_back_as_it_was_sent() {
        for (sent, stored) in
            [("0.1", 100), ("1", 1_000), ("1.001", 1_001), ("3600", 3_600_000), ("0.3", 300)]
        {
            let timeout: Timeout = serde_json::from_str(sent).unwrap();
            assert_eq!(u32::from(timeout.0), stored, "{sent}");
            assert_eq!(serde_json::json!(timeout), serde_json::json!(sent.parse::<f64>().unwrap()));
        }
        assert_eq!(serde_json::to_string(&of_millis(1_250)).unwrap(), "1.25");
        for wrong in ["0", "0.0994", "3600.001", "-1", "1e300", "\"1\""] {
            serde_json::from_str::<Timeout>(wrong).unwrap_err();
        }
        for none in [f64::NAN, f64::INFINITY, -0.5] {
            assert_eq!(length(none), None);
        }
    }
}
