//! A person's refusals as problems.

use domain::person::Refusal;

use crate::problem::{Kind, Problem};

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unknown => Problem::not_found(),
            Refusal::AlreadyAdded => Problem::new(Kind::PersonAlreadyAdded, "This person is added already."),
            Refusal::IdentityTaken => Problem::new(
                Kind::IdentityTaken,
                "This identity belongs to a person already, for ever, also where that one is ended.",
            ),
            Refusal::TooManyIdentities => Problem::new(
                Kind::TooManyIdentities,
                format!("A person has at most {} identities.", domain::Person::MAX_IDENTITIES),
            ),
            Refusal::Ended => Problem::new(Kind::PersonEnded, "This person is ended, for ever."),
            Refusal::NotEnded => Problem::new(
                Kind::PersonNotEnded,
                "The person is not ended. End them first; what is forgotten never comes back.",
            ),
            Refusal::Forgotten => {
                Problem::new(Kind::PersonForgotten, "The person is forgotten, and nothing changes any more.")
            }
        }
    }
}
