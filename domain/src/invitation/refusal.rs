//! Why an invitation says no.

use events::{Scope, Timestamp};

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    #[error("no such invitation")]
    Unknown,
    #[error("the invitation is created already")]
    AlreadyCreated,
    #[error("somebody has become a member by the invitation")]
    Accepted,
    #[error("the end {expires_at} is not in the future")]
    ExpiryInThePast { expires_at: Timestamp },
    #[error("an invitation is good for 30 days at most, and {expires_at} is later")]
    ExpiryTooLate { expires_at: Timestamp },
    #[error("clients are granted scopes on MCP servers (mcp:) for a member, and no others")]
    ManagementScopes,
    #[error("a role is given by who holds all of its scopes, and who asks lacks {scope}")]
    ScopeNotHeld { scope: Scope },
    #[error("no such organization")]
    OrganizationUnknown,
    #[error("the organization is suspended")]
    OrganizationSuspended,
    #[error("an event of the organization can't be read")]
    OrganizationClosed,
}
