//! How one principal reaches one server: the identity token that goes with each call.
//! Made once for each principal and server and minute, not for each call: a signature costs 36 us.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use events::server::Credentials;
use events::{ScopeSet, ServerId, Timestamp};
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use moka::sync::Cache;
use projections::directory::ServerEntry;

use super::principal::{Principal, PrincipalId, Who};
use super::refusal::Refusal;
use crate::current::Current;
use crate::identity::{Claims, IdentitySigner};

/// A token is valid for this long, in seconds.
pub const LIFETIME: i64 = 120;
/// After this long a new one is made, so that none arrives that is about to expire.
const RENEW_AFTER: i64 = 60;
/// The clocks of gateway and upstream may be this far apart.
const LEEWAY: i64 = 5;
/// Scopes in a token, in bytes: a header must stay within what servers take.
const MAX_SCOPE: usize = 4_096;

/// The ways of principals to servers, as far as they were taken lately. Nothing is ever invalidated: on every hit the
/// generations that a way rests on are compared, and its age.
pub struct Routes {
    signer: Current<IdentitySigner>,
    routes: Cache<(PrincipalId, ServerId), Arc<Route>>,
}

/// One principal's way to one server.
pub struct Route {
    principal_generation: u64,
    /// Two tokens of one grant may have others.
    scopes: Arc<ScopeSet>,
    server_generation: u64,
    signed_at: i64,
    /// The identity token, and the header that carries it; `None`: the server wants none.
    pub identity: Option<(HeaderName, HeaderValue)>,
}

impl Routes {
    /// `max`: so many are kept.
    pub fn new(signer: IdentitySigner, max: u64) -> Self {
        let unused = Duration::from_secs(RENEW_AFTER.unsigned_abs());
        Self {
            signer: Current::new(signer),
            routes: Cache::builder().max_capacity(max).time_to_live(unused).build(),
        }
    }

    /// The public keys of identity tokens, as JSON.
    pub fn jwks(&self) -> String {
        self.signer.with(|signer| signer.jwks().to_owned())
    }

    /// Another from now on. What the one before signed is sent until it is a minute old, and counts still.
    pub fn take(&self, signer: IdentitySigner) {
        self.signer.set(signer);
    }

    /// The way of this principal to this server now.
    pub fn find(
        &self,
        principal: &Principal,
        server: &ServerEntry,
        now: Timestamp,
    ) -> Result<Arc<Route>, Refusal> {
        let now = now.unix_seconds();
        let name = (principal.id(), server.id);
        if let Some(route) = self.routes.get(&name)
            && route.principal_generation == principal.generation()
            && is_same(&route.scopes, principal.scopes())
            && route.server_generation == server.generation
            && (0..RENEW_AFTER).contains(&(now - route.signed_at))
        {
            return Ok(route);
        }
        let route = Arc::new(Route {
            principal_generation: principal.generation(),
            scopes: Arc::clone(principal.scopes()),
            server_generation: server.generation,
            signed_at: now,
            identity: self.signer.with(|signer| credentials(signer, principal, server, now))?,
        });
        self.routes.insert(name, Arc::clone(&route));
        Ok(route)
    }
}

fn is_same(one: &Arc<ScopeSet>, other: &Arc<ScopeSet>) -> bool {
    Arc::ptr_eq(one, other) || one == other
}

/// The token in the header that the server wants it in: a bearer token in `Authorization`, alone elsewhere.
fn credentials(
    signer: &IdentitySigner,
    principal: &Principal,
    server: &ServerEntry,
    now: i64,
) -> Result<Option<(HeaderName, HeaderValue)>, Refusal> {
    let (name, value) = match &server.settings.credentials {
        Some(Credentials::None) => return Ok(None),
        None | Some(Credentials::Authorization) => {
            (AUTHORIZATION, format!("Bearer {}", token(signer, principal, server, now)?))
        }
        Some(Credentials::Header(name)) => {
            let name = HeaderName::try_from(name.as_str()).map_err(|_| Refusal::Internal)?;
            (name, token(signer, principal, server, now)?)
        }
    };
    let mut value = HeaderValue::try_from(value).map_err(|_| Refusal::Internal)?;
    value.set_sensitive(true);
    Ok(Some((name, value)))
}

fn token(
    signer: &IdentitySigner,
    principal: &Principal,
    server: &ServerEntry,
    now: i64,
) -> Result<String, Refusal> {
    let scope = scope_on(principal, server);
    let id = principal.id().uuid().to_string();
    let (key_id, grant_id, client_id) = match principal.who() {
        Who::Key(_) => (Some(&*id), None, None),
        Who::Grant(granted) => (None, Some(&*id), Some(&*granted.token.client_id)),
    };
    let token = signer.sign(&Claims {
        iss: signer.issuer(),
        sub: &principal.subject(),
        aud: &audience(server.id),
        iat: now - LEEWAY,
        exp: now - LEEWAY + LIFETIME,
        organization: &server.organization.to_string(),
        key_id,
        grant_id,
        client_id,
        scope: scope.as_deref(),
        scope_omitted: scope.is_none(),
    });
    token.map_err(|error| {
        tracing::error!(%error, "no identity token");
        Refusal::Internal
    })
}

/// The principal's scopes on this server; `None`: they are too long.
fn scope_on(principal: &Principal, server: &ServerEntry) -> Option<String> {
    let mut text = String::new();
    for scope in principal.scopes().on_server(&server.slug) {
        let space = if text.is_empty() { "" } else { " " };
        write!(text, "{space}{scope}").ok()?;
    }
    (text.len() <= MAX_SCOPE).then_some(text)
}

/// What names a server in a token that is for it alone.
pub fn audience(server: ServerId) -> String {
    format!("urn:keyledger:server:{server}")
}

#[cfg(test)]
mod tests {
    use events::UserId;
    use events::clock::{Clock, SystemClock};
    use events::key::KeyOwner;
    use uuid::Uuid;

    use super::*;
    use crate::request::testing::{ORGANIZATION, key, server};
    use crate::vault::{IdentityKey, Ring};

    fn routes() -> Routes {
        crate::crypto::install();
        let key = IdentityKey::from_seed(Uuid::from_u128(9), &[4; 32]).unwrap();
        let key = Ring::one(Uuid::from_u128(9), key);
        Routes::new(IdentitySigner::new(&key, "https://mcp.example.com"), 100)
    }

    fn principal(key_owner: KeyOwner, scopes: &str) -> Principal {
        key(2, key_owner, scopes)
    }

    fn docs() -> ServerEntry {
        server(5, "https://docs.example.com/mcp")
    }

    #[test]
    fn a_token_serves_for_a_minute() {
        let (routes, principal, server) = (routes(), principal(KeyOwner::Organization, "mcp:docs"), docs());
        let start = SystemClock.now();
        let after = |seconds| {
            let now = start.saturating_add(std::time::Duration::from_secs(seconds));
            routes.find(&principal, &server, now).unwrap().identity.clone().unwrap()
        };
        let first = after(0);
        assert_eq!(after(59), first);
        let second = after(61);
        assert_ne!(second, first);
        // A clock that was set back gets no token from the future.
        assert_ne!(after(0), second);
    }

    #[test]
    fn a_token_goes_where_the_server_wants_it() {
        let (routes, principal) = (routes(), principal(KeyOwner::Organization, "mcp:docs"));
        let now = SystemClock.now();
        let sent = |credentials: &str, generation| {
            let mut server = ServerEntry { generation, ..docs() };
            server.settings.credentials = Some(credentials.parse().unwrap());
            routes.find(&principal, &server, now).unwrap().identity.clone()
        };
        let (name, value) = sent("authorization", 1).unwrap();
        assert_eq!(name, AUTHORIZATION);
        assert!(value.to_str().unwrap().starts_with("Bearer ey") && value.is_sensitive());
        let (name, value) = sent("header:x-identity", 2).unwrap();
        assert_eq!(name, "x-identity");
        assert!(value.to_str().unwrap().starts_with("ey") && value.is_sensitive());
        assert_eq!(sent("none", 3), None);
    }

    #[test]
    fn the_subject_is_for_whom_the_key_speaks() {
        let id = UserId::new(Uuid::from_u128(7));
        assert_eq!(principal(KeyOwner::User { id }, "mcp:*").subject(), format!("user:{id}"));
        assert_eq!(principal(KeyOwner::Service { id }, "mcp:*").subject(), format!("service:{id}"));
        let organization = principal(KeyOwner::Organization, "mcp:*").subject();
        assert_eq!(organization, format!("organization:{ORGANIZATION}"));
    }

    #[test]
    fn scopes_that_are_too_long_are_left_out() {
        let of = |scopes: &str| scope_on(&principal(KeyOwner::Organization, scopes), &docs());
        assert_eq!(of("mcp:docs:tools:a mcp:mail mcp:*:tools:b").unwrap(), "mcp:*:tools:b mcp:docs:tools:a");
        let long: Vec<_> = (0..20).map(|n| format!("mcp:docs:tools:{n}{}", "a".repeat(400))).collect();
        assert_eq!(of(&long.join(" ")), None);
    }
}
