//! Why an approval says no.

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    #[error("no such approval")]
    Unknown,
    #[error("no such organization")]
    OrganizationUnknown,
    #[error("the organization is suspended")]
    OrganizationSuspended,
    #[error("an event of the organization can't be read")]
    OrganizationClosed,
}
