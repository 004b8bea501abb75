//! A server's refusals as problems.

use domain::server::Refusal;

use crate::api::organization::problem::{closed, slug_taken, suspended};
use crate::problem::{Kind, Problem};

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unknown | Refusal::OrganizationUnknown | Refusal::NoOrganization => Problem::not_found(),
            Refusal::AlreadyRegistered => {
                Problem::new(Kind::ServerAlreadyRegistered, "This server is registered already.")
            }
            Refusal::Removed => Problem::new(
                Kind::ServerRemoved,
                "This server is removed, for ever. Register a new one under another slug.",
            ),
            Refusal::SlugTaken { slug } => slug_taken(&slug, "server of this organization"),
            Refusal::OrganizationSuspended => suspended(),
            Refusal::OrganizationClosed => closed(),
        }
    }
}
