//! Why a grant says no.

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    #[error("no such grant")]
    Unknown,
    #[error("the grant is given already")]
    AlreadyGiven,
    #[error("a grant opens a server by mcp: scopes alone")]
    Management,
    #[error("the grant would have ended already")]
    ExpiryInThePast,
    #[error("no such organization")]
    OrganizationUnknown,
    #[error("the organization is suspended")]
    OrganizationSuspended,
    #[error("an event of the organization can't be read")]
    OrganizationClosed,
}
