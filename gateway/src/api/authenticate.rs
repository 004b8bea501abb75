//! From a request's credential to the admin key it names: from memory, in order, each check with its answer.

use std::sync::Arc;

use domain::key::secret::ParsedKey;
use events::Owner;
use http::{HeaderMap, HeaderName, header};
use projections::directory::{KeyState, OrganizationState};

use super::ApiState;
use super::guard::Admin;
use super::problem::Problem;

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// The admin key that a request is sent with.
pub fn authenticate(api: &ApiState, headers: &HeaderMap) -> Result<Admin, Problem> {
    api.gate.check().map_err(Problem::not_ready)?;
    let text = credential(headers)?;
    let parsed = ParsedKey::parse(text).map_err(|_| unknown())?;
    let entry = api
        .peppers
        .digests(&parsed)
        .find_map(|digest| api.directory.key_by_digest(&digest.bytes))
        .ok_or_else(unknown)?;
    let now = api.clock.now();
    match entry.state {
        KeyState::Active => {}
        KeyState::Disabled => return Err(refused("This key is disabled.")),
        KeyState::Revoked => return Err(refused("This key is revoked.")),
        KeyState::Closed => return Err(closed()),
    }
    if entry.not_before.is_some_and(|not_before| now < not_before) {
        return Err(refused("This key is not valid yet."));
    }
    if entry.expires_at.is_some_and(|expires_at| now >= expires_at) {
        return Err(refused("This key has expired."));
    }
    if let Owner::Organization(organization) = entry.owner {
        match api.directory.organization(organization).map(|organization| organization.state) {
            Some(OrganizationState::Active) => {}
            Some(OrganizationState::Suspended) => {
                return Err(refused("The key's organization is suspended."));
            }
            Some(OrganizationState::Closed) | None => return Err(closed()),
        }
    }
    if entry.scopes.is_mcp() {
        return Err(Problem::forbidden(
            "management-key-needed",
            "This key opens MCP servers and manages nothing. Use a key with admin: scopes.",
        ));
    }
    Ok(Admin { key: entry.id, owner: entry.owner, scopes: Arc::clone(&entry.scopes) })
}

fn credential(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut bearers = headers.get_all(header::AUTHORIZATION).iter();
    let mut plain = headers.get_all(API_KEY).iter();
    match (bearers.next(), bearers.next(), plain.next(), plain.next()) {
        (None, None, None, None) => Err(Problem::unauthenticated(
            "Send an admin key as `Authorization: Bearer <key>` or as `X-API-Key: <key>`.",
        )),
        (Some(value), None, None, None) => value
            .to_str()
            .ok()
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, key)| key.trim_start_matches(' '))
            .ok_or_else(|| Problem::unauthenticated("`Authorization` is not of the form `Bearer <key>`.")),
        (None, None, Some(value), None) => value.to_str().map_err(|_| unknown()),
        (_, _, _, _) => Err(Problem::invalid(
            "Authorization",
            "Send one credential: there are two or more in this request.",
        )),
    }
}

fn unknown() -> Problem {
    Problem::unauthenticated("This is no key that works here.")
}

fn refused(why: &str) -> Problem {
    Problem::unauthenticated(why)
}

fn closed() -> Problem {
    Problem::not_ready("an event of this key or its organization was written by a newer version")
}
