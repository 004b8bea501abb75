//! An invitation's refusals as problems.

use domain::invitation::Refusal;

use crate::api::member::problem::{management_scopes, role_not_held};
use crate::api::organization::problem::{closed, suspended};
use crate::problem::{Kind, Problem};

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unknown | Refusal::OrganizationUnknown => Problem::not_found(),
            Refusal::AlreadyCreated => {
                Problem::new(Kind::InvitationAlreadyCreated, "This invitation is created already.")
            }
            Refusal::Accepted => Problem::new(
                Kind::InvitationAccepted,
                "Somebody has become a member by this invitation. Remove the member instead.",
            ),
            Refusal::ExpiryInThePast { expires_at } => {
                Problem::new(Kind::InvitationEnd, format!("The end {expires_at} is not in the future."))
                    .at("expires_at")
            }
            Refusal::ExpiryTooLate { expires_at } => Problem::new(
                Kind::InvitationEnd,
                format!("An invitation is good for 30 days at most, and {expires_at} is later."),
            )
            .at("expires_at"),
            Refusal::ManagementScopes => management_scopes(),
            Refusal::ScopeNotHeld { scope } => role_not_held(&scope),
            Refusal::OrganizationSuspended => suspended(),
            Refusal::OrganizationClosed => closed(),
        }
    }
}
