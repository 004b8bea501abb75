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

#[cfg(test)]
mod tests {
    use events::clock::{Clock, SystemClock};
    use events::digest::DigestBytes;
    use events::key::{Environment, KeyOwner};
    use events::{KeyId, OrganizationId, Owner, SecretId, ServerId, UserId};
    use projections::directory::{Directory, KeyEntry, KeyState, LastFour, ServerState};
    use uuid::Uuid;

    use super::*;
    use crate::vault::IdentityKey;

    const ORGANIZATION: OrganizationId = OrganizationId::new(Uuid::from_u128(1));

    fn signer() -> IdentitySigner {
        crate::crypto::install();
        let key = IdentityKey::from_seed(Uuid::from_u128(9), &[4; 32]).unwrap();
        IdentitySigner::new(&key, "https://mcp.example.com")
    }

    fn caller(key_owner: KeyOwner, scopes: &str) -> Caller {
        let key = KeyEntry {
            id: KeyId::new(Uuid::from_u128(2)),
            secret_id: SecretId::new(Uuid::from_u128(3)),
            digest: DigestBytes([0; 32]),
            owner: Owner::Organization(ORGANIZATION),
            key_owner,
            state: KeyState::Active,
            not_before: None,
            expires_at: None,
            scopes: Arc::new(scopes.parse().unwrap()),
            generation: 1,
            prefix: "kl_live".into(),
            last_four: LastFour::new("abcd"),
            environment: Environment::Live,
        };
        Caller::resolve(&Directory::new(), Arc::new(key))
    }

    fn server(generation: u64) -> ServerEntry {
        ServerEntry {
            id: ServerId::new(Uuid::from_u128(5)),
            organization: ORGANIZATION,
            slug: "docs".parse().unwrap(),
            upstream: format!("https://{generation}.example.com/mcp").parse().unwrap(),
            state: ServerState::Enabled,
            generation,
        }
    }

    #[test]
    fn a_token_serves_for_a_minute() {
        let (signer, caller, server) = (signer(), caller(KeyOwner::Organization, "mcp:docs"), server(1));
        let start = SystemClock.now();
        let after = |seconds| {
            let now = start.saturating_add(std::time::Duration::from_secs(seconds));
            route(&signer, &caller, &server, now).unwrap().authorization.clone()
        };
        let first = after(0);
        assert_eq!(after(59), first);
        let second = after(61);
        assert_ne!(second, first);
        // A clock that was set back gets no token from the future.
        assert_ne!(after(0), second);
    }

    #[test]
    fn a_server_that_moved_is_reached_where_it_is() {
        let (signer, caller) = (signer(), caller(KeyOwner::Organization, "mcp:docs"));
        let now = SystemClock.now();
        for generation in [1, 2] {
            let route = route(&signer, &caller, &server(generation), now).unwrap();
            assert_eq!(route.upstream.host(), Some(format!("{generation}.example.com").as_str()));
        }
    }

    #[test]
    fn the_subject_is_for_whom_the_key_speaks() {
        let id = UserId::new(Uuid::from_u128(7));
        assert_eq!(caller(KeyOwner::User { id }, "mcp:*").subject(), format!("user:{id}"));
        assert_eq!(caller(KeyOwner::Service { id }, "mcp:*").subject(), format!("service:{id}"));
        let organization = caller(KeyOwner::Organization, "mcp:*").subject();
        assert_eq!(organization, format!("organization:{ORGANIZATION}"));
    }

    #[test]
    fn scopes_that_are_too_long_are_left_out() {
        let of = |scopes: &str| scope_on(&caller(KeyOwner::Organization, scopes), &server(1));
        assert_eq!(of("mcp:docs:tools:a mcp:mail mcp:*:tools:b").unwrap(), "mcp:*:tools:b mcp:docs:tools:a");
        let long: Vec<_> = (0..20).map(|n| format!("mcp:docs:tools:{n}{}", "a".repeat(400))).collect();
        assert_eq!(of(&long.join(" ")), None);
    }
}
