//! A key's refusals as problems.

use domain::key::Refusal;

use crate::api::organization::problem::{closed, suspended};
use crate::problem::{Kind, Problem};

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unknown | Refusal::OrganizationUnknown => Problem::not_found(),
            Refusal::AlreadyIssued => Problem::new(Kind::KeyAlreadyIssued, "This key is issued already. Revoke it and issue anew.",
            ),
            Refusal::Revoked => Problem::new(Kind::KeyRevoked, "This key is revoked, for ever. Issue a new one.",
            ),
            Refusal::ExpiryInThePast { expires_at } => unprocessable(
                Kind::ExpiryInThePast,
                "expires_at",
                format!("{expires_at} is not in the future. To stop a key now, revoke or disable it."),
            ),
            Refusal::ExpiresBeforeItStarts { not_before, expires_at } => unprocessable(
                Kind::ExpiresBeforeItStarts,
                "expires_at",
                format!("The key would expire at {expires_at}, and is valid only from {not_before} on."),
            ),
            Refusal::InstallationScopes => unprocessable(
                Kind::InstallationScopes,
                "scopes",
                "A key of the installation has management scopes only (admin:, keys:verify). Issue a key of an \
                 organization for its MCP servers."
                    .to_owned(),
            ),
            Refusal::ScopeNotHeld { scope } => Problem::new(
                Kind::ScopeNotHeld,
                format!(
                    "A key gives only management scopes that it holds itself, also when it makes another work again \
                     or longer, and this one lacks {scope}."
                ),
            )
            .at("scopes"),
            Refusal::WrongOwner => unprocessable(
                Kind::WrongOwner,
                "owner",
                "A key of an organization is owned by the organization, a user or a service.".to_owned(),
            ),
            Refusal::OrganizationSuspended => suspended(),
            Refusal::OrganizationClosed => closed(),
        }
    }
}

fn unprocessable(kind: Kind, field: &str, detail: String) -> Problem {
    Problem::new(kind, detail).at(field)
}
