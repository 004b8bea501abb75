//! A grant's refusals as problems.

use domain::grant::Refusal;

use crate::api::member::problem::management_scopes;
use crate::api::organization::problem::{closed, suspended};
use crate::problem::Problem;

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unknown | Refusal::OrganizationUnknown => Problem::not_found(),
            Refusal::Management => management_scopes(),
            Refusal::OrganizationSuspended => suspended(),
            Refusal::OrganizationClosed => closed(),
            // People give grants, by the pages where they sign in.
            Refusal::AlreadyGiven | Refusal::ExpiryInThePast => Problem::internal(),
        }
    }
}
