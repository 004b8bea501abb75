//! A key's refusals as problems.

use domain::key::Refusal;
use http::StatusCode;

use crate::api::organization::problem::{closed, suspended};
use crate::api::problem::Problem;

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unknown | Refusal::OrganizationUnknown => Problem::not_found(),
            Refusal::AlreadyIssued => Problem::new(
                StatusCode::CONFLICT,
                "key-already-issued",
                "The key is issued already",
                "This key is issued already. Revoke it and issue anew.",
            ),
            Refusal::Revoked => Problem::new(
                StatusCode::CONFLICT,
                "key-revoked",
                "The key is revoked",
                "This key is revoked, for ever. Issue a new one.",
            ),
            Refusal::ExpiryInThePast { expires_at } => unprocessable(
                "expiry-in-the-past",
                "expires_at",
                format!("{expires_at} is not in the future. To stop a key now, revoke or disable it."),
            ),
            Refusal::ExpiresBeforeItStarts { not_before, expires_at } => unprocessable(
                "expires-before-it-starts",
                "expires_at",
                format!("The key would expire at {expires_at}, and is valid only from {not_before} on."),
            ),
            Refusal::InstallationScopes => unprocessable(
                "installation-scopes",
                "scopes",
                "A key of the installation has management scopes only (admin:, keys:verify). Issue a key of an \
                 organization for its MCP servers."
                    .to_owned(),
            ),
            Refusal::WrongOwner => unprocessable(
                "wrong-owner",
                "owner",
                "A key of an organization is owned by the organization, a user or a service.".to_owned(),
            ),
            Refusal::OrganizationSuspended => suspended(),
            Refusal::OrganizationClosed => closed(),
        }
    }
}

fn unprocessable(name: &str, field: &str, detail: String) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, name, "The key can't be like that", detail).at(field)
}
