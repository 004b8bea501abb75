//! Why a consent says no.

use events::scope::ScopeSetError;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("no such consent")]
    Unknown,
    /// With what is consented to already.
    #[error(transparent)]
    Scopes(#[from] ScopeSetError),
    #[error("people consent to mcp: scopes alone")]
    Management,
    /// The id is worked out of these, so nobody asks this of us.
    #[error("it is of another holder, client or server")]
    Other,
    #[error("no such organization")]
    OrganizationUnknown,
    #[error("the organization is suspended")]
    OrganizationSuspended,
    #[error("an event of the organization can't be read")]
    OrganizationClosed,
}
