//! How one caller reaches one server: the upstream's address and the identity token that goes with each call.
//! Made once for each caller and server and minute, not for each call: a signature costs 36 us.

use std::fmt::Write as _;
use std::sync::Arc;

use events::Timestamp;
use events::scope::{Scope, ServerPattern};
use http::{HeaderValue, Uri};
use projections::directory::ServerEntry;

use super::caller::Caller;
use super::refusal::{Refusal, UpstreamFault};
use crate::identity::{Claims, IdentitySigner};

/// A token is valid for this long, in seconds.
pub const LIFETIME: i64 = 120;
/// After this long a new one is made, so that none arrives that is about to expire.
const RENEW_AFTER: i64 = 60;
/// The clocks of gateway and upstream may be this far apart.
const LEEWAY: i64 = 5;
/// Scopes in a token, in bytes: a header must stay within what servers take.
const MAX_SCOPE: usize = 4_096;

/// One caller's way to one server.
pub struct Route {
    server_generation: u64,
    signed_at: i64,
    pub upstream: Uri,
    /// `Bearer <token>`
    pub authorization: HeaderValue,
}

/// The way of this caller to this server now.
pub fn route(
    signer: &IdentitySigner,
    caller: &Caller,
    server: &ServerEntry,
    now: Timestamp,
) -> Result<Arc<Route>, Refusal> {
    let now = now.unix_seconds();
    if let Some(route) = caller.route(server.id) {
        let age = now - route.signed_at;
        if route.server_generation == server.generation && (0..RENEW_AFTER).contains(&age) {
            return Ok(route);
        }
    }
    let upstream = server.upstream.url().as_str().parse().map_err(|_| UpstreamFault::Unreachable)?;
    let authorization = token(signer, caller, server, now)?;
    let route =
        Arc::new(Route { server_generation: server.generation, signed_at: now, upstream, authorization });
    caller.keep_route(server.id, Arc::clone(&route));
    Ok(route)
}

fn token(
    signer: &IdentitySigner,
    caller: &Caller,
    server: &ServerEntry,
    now: i64,
) -> Result<HeaderValue, Refusal> {
    let scope = scope_on(caller, server);
    let token = signer.sign(&Claims {
        iss: signer.issuer(),
        sub: &caller.subject(),
        aud: &format!("urn:keyledger:server:{}", server.id),
        iat: now - LEEWAY,
        exp: now - LEEWAY + LIFETIME,
        organization: &server.organization.to_string(),
        key_id: &caller.key.id.to_string(),
        scope: scope.as_deref(),
        scope_omitted: scope.is_none(),
    });
    let token = token.map_err(|error| {
        tracing::error!(%error, "no identity token");
        Refusal::Internal
    })?;
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| Refusal::Internal)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The caller's scopes on this server; `None`: they are too long.
fn scope_on(caller: &Caller, server: &ServerEntry) -> Option<String> {
    let mut text = String::new();
    for scope in caller.key.scopes.iter() {
        let Scope::Mcp(mcp) = scope else { continue };
        let on_it = match &mcp.server {
            ServerPattern::Any => true,
            ServerPattern::Slug(slug) => *slug == server.slug,
        };
        if on_it {
            let space = if text.is_empty() { "" } else { " " };
            write!(text, "{space}{scope}").ok()?;
        }
    }
    (text.len() <= MAX_SCOPE).then_some(text)
}
