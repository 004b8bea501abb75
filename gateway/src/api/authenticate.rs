//! From a request's credential to the admin key it names. Whether the key works is decided by the same code as on
//! the request path; here it becomes a problem, or an admin.

use http::HeaderMap;

use super::ApiState;
use super::guard::Admin;
use super::seen::{Seen, is_unknown};
use crate::problem::{Kind, Problem};
use crate::request::Principal;

/// The admin key that a request is sent with.
pub fn authenticate(api: &ApiState, headers: &HeaderMap, seen: &Seen) -> Result<Admin, Problem> {
    api.gate.check().map_err(|why| Problem::shut(&why))?;
    let principal = api.authenticator.authenticate(headers).inspect_err(|error| {
        match api.authenticator.named(headers) {
            Some(principal) => seen.refused(&principal, error.name()),
            None if is_unknown(*error) => seen.unknown(),
            None => {}
        }
    })?;
    admin(principal.clone())
        .inspect(|_| seen.let_in(&principal))
        .inspect_err(|_| seen.refused(&principal, "manages_nothing"))
}

/// The same principal, later: as the gate and the directory have it now.
pub fn authenticate_again(api: &ApiState, principal: &Principal) -> Result<Admin, Problem> {
    api.gate.check().map_err(|why| Problem::shut(&why))?;
    admin(api.authenticator.again(principal)?)
}

fn admin(principal: Principal) -> Result<Admin, Problem> {
    if principal.scopes().is_mcp() {
        return Err(Problem::new(
            Kind::ManagementKeyNeeded,
            "This key opens MCP servers and manages nothing. Use a key with admin: scopes.",
        ));
    }
    Ok(Admin::of(principal))
}
