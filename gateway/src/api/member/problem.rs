//! A member's refusals as problems.

use domain::member::Refusal;

use crate::api::organization::problem::{closed, suspended};
use crate::problem::{Kind, Problem};

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unknown | Refusal::OrganizationUnknown => Problem::not_found(),
            Refusal::AlreadyMember => Problem::new(
                Kind::AlreadyMember,
                "The person is a member already. Change what they are instead (`PATCH`).",
            ),
            Refusal::InvitationSpent => {
                Problem::new(Kind::InvitationSpent, "The invitation was used or withdrawn. Create another.")
            }
            Refusal::LastOwner => Problem::new(
                Kind::LastOwner,
                "The organization would have no owner any more. Make somebody else an owner first, or send \
                 `leave_without_owner` (`--leave-without-owner`).",
            ),
            Refusal::ManagementScopes => management_scopes(),
            Refusal::ScopeNotHeld { scope } => role_not_held(&scope),
            Refusal::OrganizationSuspended => suspended(),
            Refusal::OrganizationClosed => closed(),
        }
    }
}

pub fn management_scopes() -> Problem {
    Problem::new(
        Kind::ManagementScopes,
        "Clients are granted scopes on MCP servers (`mcp:`) for a member, and no others: management comes with the role.",
    )
    .at("scopes")
}

pub fn role_not_held(scope: &events::Scope) -> Problem {
    Problem::new(
        Kind::ScopeNotHeld,
        format!(
            "A role is given and taken away by who holds all of its scopes, and this key lacks {scope}. Ask with a key \
             that has it."
        ),
    )
    .at("role")
}
