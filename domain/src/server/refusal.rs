//! Why a server says no.

use events::Slug;

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    #[error("no such server")]
    Unknown,
    #[error("the server is registered already")]
    AlreadyRegistered,
    #[error("the server is removed")]
    Removed,
    #[error("the slug `{slug}` belongs to another server, present or removed")]
    SlugTaken { slug: Slug },
    #[error("a server belongs to an organization")]
    NoOrganization,
    #[error("no such organization")]
    OrganizationUnknown,
    #[error("the organization is suspended")]
    OrganizationSuspended,
    #[error("an event of the organization can't be read")]
    OrganizationClosed,
}
