//! Why a key says no.

use events::{Scope, Timestamp};

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    #[error("no such key")]
    Unknown,
    #[error("the key is issued already")]
    AlreadyIssued,
    #[error("the key is revoked, for ever: issue a new one")]
    Revoked,
    #[error("the expiry {expires_at} is not in the future")]
    ExpiryInThePast { expires_at: Timestamp },
    #[error("the key would expire at {expires_at}, before it is valid from {not_before} on")]
    ExpiresBeforeItStarts { not_before: Timestamp, expires_at: Timestamp },
    #[error("an installation's key has management scopes only (admin:, keys:verify): it opens no MCP server")]
    InstallationScopes,
    #[error("a key is given management scopes by who holds them, and who asks lacks {scope}")]
    ScopeNotHeld { scope: Scope },
    #[error("the key's owner is not to whom the key belongs")]
    WrongOwner,
    #[error("no such organization")]
    OrganizationUnknown,
    #[error("the organization is suspended")]
    OrganizationSuspended,
    #[error("an event of the organization can't be read")]
    OrganizationClosed,
}
