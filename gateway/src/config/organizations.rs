//! How much an organization may hold.

use serde::Deserialize;

use super::lenient;

/// What one organization may hold: every node keeps it in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Organizations {
    /// Keys that are not revoked.
    #[serde(deserialize_with = "lenient::number")]
    pub max_keys: u64,
    /// With so many revoked ones no further key is issued.
    #[serde(deserialize_with = "lenient::number")]
    pub max_revoked_keys: u64,
    /// Removed ones too.
    #[serde(deserialize_with = "lenient::number")]
    pub max_servers: u64,
    /// The scopes of all keys that are not revoked, as text.
    #[serde(deserialize_with = "lenient::number")]
    pub max_scope_bytes: u64,
    /// Those who were removed too.
    #[serde(deserialize_with = "lenient::number")]
    pub max_members: u64,
    /// Those that came to something too.
    #[serde(deserialize_with = "lenient::number")]
    pub max_invitations: u64,
    /// Its own OAuth clients, removed ones too; and as many approvals of clients.
    #[serde(deserialize_with = "lenient::number")]
    pub max_clients: u64,
    /// What its people consented to, withdrawn ones too.
    #[serde(deserialize_with = "lenient::number")]
    pub max_consents: u64,
    /// Grants whose time is not over, ended ones too.
    #[serde(deserialize_with = "lenient::number")]
    pub max_grants: u64,
}

impl Default for Organizations {
    fn default() -> Self {
        Self {
            max_keys: 100_000,
            max_revoked_keys: 1_000_000,
            max_servers: 1_000,
            max_scope_bytes: 64 * 1024 * 1024,
            max_members: 10_000,
            max_invitations: 10_000,
            max_clients: 1_000,
            max_consents: 100_000,
            max_grants: 100_000,
        }
    }
}
