//! Why an organization says no.

use events::Slug;

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    #[error("no such organization")]
    Unknown,
    #[error("the organization exists already")]
    AlreadyCreated,
    #[error("the slug `{slug}` belongs to another organization")]
    SlugTaken { slug: Slug },
    #[error("the organization is not suspended")]
    NotSuspended,
    #[error("the organization is forgotten")]
    Forgotten,
}
