//! A webhook's refusals as problems.

use domain::webhook::Refusal;

use crate::api::organization::problem::{closed, suspended};
use crate::problem::{Kind, Problem};

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unknown | Refusal::OrganizationUnknown => Problem::not_found(),
            Refusal::AlreadyRegistered => {
                Problem::new(Kind::WebhookAlreadyRegistered, "This webhook is registered already.")
            }
            Refusal::Removed => {
                Problem::new(Kind::WebhookRemoved, "This webhook is removed, for ever. Register a new one.")
            }
            Refusal::OrganizationSuspended => suspended(),
            Refusal::OrganizationClosed => closed(),
        }
    }
}
