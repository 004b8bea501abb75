//! How webhooks are sent.

use std::time::Duration;

use serde::Deserialize;

use super::lenient;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Webhooks {
    /// Webhooks of one organization, or of the installation, that are not removed.
    #[serde(deserialize_with = "lenient::number")]
    pub max: u64,
    /// A whole attempt: connection, request, the answer's head.
    #[serde(deserialize_with = "lenient::number")]
    pub timeout_ms: u64,
    /// Attempts at once, of one worker.
    #[serde(deserialize_with = "lenient::number")]
    pub at_once: u32,
    /// Attempts at once to one endpoint, of all workers.
    #[serde(deserialize_with = "lenient::number")]
    pub each: u32,
    /// The pauses before each further attempt; after the last one, a delivery is a dead letter.
    #[serde(deserialize_with = "lenient::numbers")]
    pub retry_seconds: Vec<u32>,
    /// How long the delivery log and dead letters are kept.
    #[serde(deserialize_with = "lenient::number")]
    pub keep_days: u32,
}

impl Webhooks {
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    pub fn keep(&self) -> Duration {
        Duration::from_secs(u64::from(self.keep_days) * 24 * 60 * 60)
    }
}

impl Default for Webhooks {
    fn default() -> Self {
        Self {
            max: 20,
            timeout_ms: 15_000,
            at_once: 128,
            each: 4,
            // As Standard Webhooks has them: three days in all.
            retry_seconds: vec![5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400],
            keep_days: 30,
        }
    }
}
