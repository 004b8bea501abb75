//! Why an issuer says no.

use events::Slug;
use events::issuer::SettingsProblem;

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    #[error("no such issuer")]
    Unknown,
    #[error("the issuer is registered already")]
    AlreadyRegistered,
    #[error("the issuer is removed")]
    Removed,
    #[error("the slug `{slug}` belongs to another issuer, present or removed")]
    SlugTaken { slug: Slug },
    /// People are known by what this one says of them.
    #[error("who issues never changes")]
    AnotherIssuer,
    #[error("{0}")]
    Settings(SettingsProblem),
    #[error("no such organization")]
    OrganizationUnknown,
    #[error("the organization is suspended")]
    OrganizationSuspended,
    #[error("an event of the organization can't be read")]
    OrganizationClosed,
}
