//! Why a membership says no.

use events::Scope;

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    #[error("no such member")]
    Unknown,
    #[error("the person is a member already")]
    AlreadyMember,
    #[error("the invitation was used or withdrawn")]
    InvitationSpent,
    #[error("the organization would have no owner any more")]
    LastOwner,
    #[error("clients are granted scopes on MCP servers (mcp:) for a member, and no others")]
    ManagementScopes,
    #[error("a role is given and taken away by who holds all of its scopes, and who asks lacks {scope}")]
    ScopeNotHeld { scope: Scope },
    #[error("no such organization")]
    OrganizationUnknown,
    #[error("the organization is suspended")]
    OrganizationSuspended,
    #[error("an event of the organization can't be read")]
    OrganizationClosed,
}
