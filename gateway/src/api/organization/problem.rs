//! An organization's refusals as problems.

use domain::organization::Refusal;

use crate::problem::{Kind, Problem};

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unknown => Problem::not_found(),
            Refusal::AlreadyCreated => {
                Problem::new(Kind::OrganizationAlreadyCreated, "This organization exists already.")
            }
            Refusal::NotSuspended => Problem::new(
                Kind::OrganizationNotSuspended,
                "The organization is active. Suspend it first; what is forgotten never comes back.",
            ),
            Refusal::Forgotten => Problem::new(
                Kind::OrganizationForgotten,
                "The organization is forgotten, and nothing of it changes any more.",
            ),
            Refusal::SlugTaken { slug } => slug_taken(&slug, "organization"),
        }
    }
}

/// A slug names one object for ever.
pub fn slug_taken(slug: &events::Slug, what: &str) -> Problem {
    Problem::new(Kind::SlugTaken, format!("The slug `{slug}` belongs to another {what}, for ever, also when that one is gone. Choose another."),
    )
    .at("slug")
}

/// Nothing new comes into a suspended organization.
pub fn suspended() -> Problem {
    Problem::new(
        Kind::OrganizationSuspended,
        "The organization is suspended, and nothing is added to it until it is resumed.",
    )
}

pub fn closed() -> Problem {
    Problem::new(
        Kind::Closed,
        "The organization's history holds an event that can't be read, so nothing is decided on it here: a newer \
         version wrote it, and the gateway must be upgraded, or nobody may obey it, as `keyledger events verify` tells.",
    )
}
