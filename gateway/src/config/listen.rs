//! Where a process listens.

use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;

use super::lenient;

/// Where it listens. Port 0 takes a free one.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// MCP, key verification, JWKS (role node).
    pub public: SocketAddr,
    /// The rest of the API (role control).
    pub admin: SocketAddr,
    /// Accounts: OAuth, sign-in, consent (role control), apart from the public listener. `None`: a process that is a node as
    /// well serves them on its public listener, and another one does not.
    pub accounts: Option<SocketAddr>,
    /// `/livez`, `/readyz`, `/metrics`.
    pub metrics: SocketAddr,
    /// Threads of the public listener, each with its own runtime; 0: one a core.
    #[serde(deserialize_with = "lenient::number")]
    pub threads: usize,
    /// Connections at once on the public listener.
    #[serde(deserialize_with = "lenient::number")]
    pub max_connections: usize,
    /// How long a connection may wait for its next request, on every listener.
    #[serde(deserialize_with = "lenient::number")]
    pub idle_timeout_ms: u64,
    /// How long the listeners serve on after the process was told to end, while `/readyz` says so; 0: not at all.
    #[serde(deserialize_with = "lenient::number")]
    pub drain_ms: u64,
}

impl Listen {
    pub fn idle_timeout(&self) -> Duration {
        Duration::from_millis(self.idle_timeout_ms)
    }

    pub fn drain(&self) -> Duration {
        Duration::from_millis(self.drain_ms)
    }
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            public: SocketAddr::from(([127, 0, 0, 1], 8080)),
            admin: SocketAddr::from(([127, 0, 0, 1], 8081)),
            accounts: None,
            metrics: SocketAddr::from(([127, 0, 0, 1], 9464)),
            threads: 0,
            max_connections: 10_000,
            idle_timeout_ms: 120_000,
            drain_ms: 5_000,
        }
    }
}
