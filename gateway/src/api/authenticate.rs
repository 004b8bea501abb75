//! From a request's credential to the admin key it names. Whether the key works is decided by the same code as on
//! the request path; here it becomes a problem, or an admin.

use std::sync::Arc;

use http::HeaderMap;

use super::ApiState;
use super::guard::Admin;
use super::problem::Problem;
use crate::request::caller::Invalid;
use crate::request::credential::CredentialError;
use crate::request::{AuthenticationError, Caller};

/// The admin key that a request is sent with.
pub fn authenticate(api: &ApiState, headers: &HeaderMap) -> Result<Admin, Problem> {
    api.gate.check().map_err(Problem::not_ready)?;
    admin(api.authenticator.authenticate(headers).map_err(problem)?)
}

/// The same key, later: as the gate and the directory have it now.
pub fn authenticate_again(api: &ApiState, caller: &Caller) -> Result<Admin, Problem> {
    api.gate.check().map_err(Problem::not_ready)?;
    admin(api.authenticator.again(caller).map_err(problem)?)
}

fn admin(caller: Arc<Caller>) -> Result<Admin, Problem> {
    if caller.key.scopes.is_mcp() {
        return Err(Problem::forbidden(
            "management-key-needed",
            "This key opens MCP servers and manages nothing. Use a key with admin: scopes.",
        ));
    }
    Ok(Admin::of(caller))
}

fn problem(error: AuthenticationError) -> Problem {
    match error {
        AuthenticationError::Credential(CredentialError::Two) => {
            Problem::invalid("Authorization", "Send one credential: there are two or more in this request.")
        }
        AuthenticationError::Credential(CredentialError::Missing) => Problem::unauthenticated(
            "Send an admin key as `Authorization: Bearer <key>` or as `X-API-Key: <key>`.",
        ),
        AuthenticationError::Credential(CredentialError::Garbage)
        | AuthenticationError::Malformed
        | AuthenticationError::Unknown => Problem::unauthenticated("This is no key that works here."),
        AuthenticationError::Invalid(Invalid::Closed) => {
            Problem::not_ready("an event of this key or its organization was written by a newer version")
        }
        AuthenticationError::Invalid(
            invalid @ (Invalid::Revoked
            | Invalid::Disabled
            | Invalid::NotYetValid
            | Invalid::Expired
            | Invalid::OrganizationSuspended),
        ) => Problem::unauthenticated(format!("This key does not work now: {invalid}.")),
    }
}
