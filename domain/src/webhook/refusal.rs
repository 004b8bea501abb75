//! Why a webhook says no.

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    #[error("no such webhook")]
    Unknown,
    #[error("the webhook is registered already")]
    AlreadyRegistered,
    #[error("the webhook is removed")]
    Removed,
    #[error("no such organization")]
    OrganizationUnknown,
    #[error("the organization is suspended")]
    OrganizationSuspended,
    #[error("an event of the organization can't be read")]
    OrganizationClosed,
}
