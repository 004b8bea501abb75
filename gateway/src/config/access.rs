//! What was read and tried through the admin API: how long it is kept.

use std::time::Duration;

use serde::Deserialize;

use super::lenient;

/// Until when, whichever comes first. `keyledger nats setup` gives these to the stream when it creates it.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Access {
    #[serde(deserialize_with = "lenient::number")]
    pub max_age_days: u64,
    /// Of all records together, in the stream's files.
    #[serde(deserialize_with = "lenient::number")]
    pub max_bytes: u64,
}

impl Default for Access {
    fn default() -> Self {
        Self { max_age_days: 90, max_bytes: 1_073_741_824 }
    }
}

impl Access {
    pub fn max_age(&self) -> Duration {
        Duration::from_secs(self.max_age_days.saturating_mul(24 * 60 * 60))
    }
}
