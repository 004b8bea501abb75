//! How old what a node knows may be.

use std::time::Duration;

use projections::directory::gate::OnStale;
use serde::Deserialize;

use super::lenient;

/// How old what a node knows may be.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Freshness {
    /// A node that has not proved to be fresh for this long stops authenticating.
    #[serde(deserialize_with = "lenient::number")]
    pub max_staleness_ms: u64,
    pub on_stale: OnStale,
    /// How often the log's leader is asked.
    #[serde(deserialize_with = "lenient::number")]
    pub ask_every_ms: u64,
    #[serde(deserialize_with = "lenient::number")]
    pub max_clock_skew_ms: u64,
}

impl Default for Freshness {
    fn default() -> Self {
        Self {
            max_staleness_ms: 60_000,
            on_stale: OnStale::Refuse,
            ask_every_ms: 1_000,
            max_clock_skew_ms: 10_000,
        }
    }
}

impl Freshness {
    pub fn max_staleness(&self) -> Duration {
        Duration::from_millis(self.max_staleness_ms)
    }
}
