//! Which path is answered by what; everything else is 404 in JSON. That holds for the well-known OAuth
//! addresses too where nobody can sign in: to name an authorization server would send clients astray.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW,
    CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use http::{Method, Request, Response, StatusCode};
use http_body::Body as HttpBody;

use super::request_id::RequestIds;
use crate::problem::{Kind, Problem};
use crate::request::arrivals::Arrival;
use crate::request::call::Refused;
use crate::request::challenge::Challenger;
use crate::request::forward::REQUEST_ID;
use crate::request::resource::{Address, WELL_KNOWN};
use crate::request::{Body, Door, Refusal, answer, verify};
use crate::telemetry;
use crate::telemetry::calls::{self, Call};
use crate::upstream::Upstream;

/// Where a request goes.
#[derive(Debug)]
enum Target {
    Mcp(Address),
    Verify,
    Jwks,
    /// The metadata of a server as a protected resource; `None`: of the default one.
    Metadata(Option<Address>),
    Nowhere,
    /// A path that different servers read differently.
    Ambiguous,
}

impl Target {
    fn of(path: &str) -> Self {
        let dots = || path.split('/').any(|segment| matches!(segment, "." | ".."));
        if path.contains(['%', '\\']) || path.contains("//") || dots() {
            return Self::Ambiguous;
        }
        match path {
            "/api/v1/keys/verify" => Self::Verify,
            "/.well-known/jwks.json" => Self::Jwks,
            path => {
                let (path, of): (_, fn(Address) -> Self) = match path.strip_prefix(WELL_KNOWN) {
                    Some("" | "/") => return Self::Metadata(None),
                    Some(path) => (path, |address| Self::Metadata(Some(address))),
                    None => (path, Self::Mcp),
                };
                Address::of_path(path).map_or(Self::Nowhere, of)
            }
        }
    }

    /// Its name in metrics.
    fn name(&self) -> &'static str {
        match self {
            Self::Mcp(_) => "mcp",
            Self::Verify => "verify",
            Self::Jwks => "jwks",
            Self::Metadata(_) => "resource_metadata",
            Self::Nowhere | Self::Ambiguous => "other",
        }
    }
}

/// Answers one request.
pub async fn answer<B>(
    door: &Arc<Door>,
    upstream: &dyn Upstream,
    ids: &RequestIds,
    request: Request<B>,
    peer: SocketAddr,
) -> Response<Body>
where
    B: HttpBody<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let started = door.clock().instant();
    let target = Target::of(request.uri().path());
    if let Target::Metadata(address) = &target
        && request.method() == Method::GET
    {
        door.read_metadata(address.as_ref(), Arrival { peer: Some(peer), headers: request.headers() });
    }
    let name = target.name();
    let id = ids.next(door.clock());
    let mut call = None;
    let begin = || door.calls().begin(started, id.clone(), peer);
    let (mut response, outcome) = dispatch(door, upstream, target, request, &id, (&mut call, begin)).await;
    // Until the answer's headers: an answer may last for hours.
    let took = door.clock().instant().saturating_duration_since(started);
    telemetry::record("keyledger_request_seconds", &[("route", name)], took);
    let status = response.status().as_u16();
    match call {
        Some(mut call) => {
            call.answered(status, outcome, took);
            response.body_mut().carry(call);
        }
        None => telemetry::count_request(name, Some(status), outcome),
    }
    response.headers_mut().insert(REQUEST_ID, id);
    // Nothing that we send is to be taken for a page, whatever is in it.
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

async fn dispatch<B>(
    door: &Arc<Door>,
    upstream: &dyn Upstream,
    target: Target,
    request: Request<B>,
    id: &HeaderValue,
    (call, begin): (&mut Option<Call>, impl FnOnce() -> Call),
) -> (Response<Body>, &'static str)
where
    B: HttpBody<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    // Metadata is everybody's: a page of any origin may read it before it signs anybody in.
    if let Target::Metadata(address) = &target {
        return metadata(door, address.as_ref(), request.method());
    }
    let Ok(origin) = door.origins().check(request.headers()) else {
        return match target {
            Target::Mcp(address) => refuse(door, Refusal::Origin.into(), &address),
            Target::Verify | Target::Jwks | Target::Metadata(_) | Target::Nowhere | Target::Ambiguous => {
                problem(Kind::OriginNotAllowed, "This origin is not among `allowed_origins`.", "origin")
            }
        };
    };
    let (mut response, outcome) = if request.method() == Method::OPTIONS {
        (door.origins().preflight(request.headers()), "preflight")
    } else {
        match target {
            Target::Mcp(address) => {
                let call = call.insert(begin());
                match door.call(upstream, &address, request, id, call).await {
                    Ok(response) if response.status().is_server_error() => (response, "upstream_error"),
                    Ok(response) => (response, calls::PASSED),
                    Err(refused) => refuse(door, refused, &address),
                }
            }
            Target::Verify if request.method() == Method::POST => {
                let verdict = door.verify(request).await;
                let outcome =
                    verdict.as_ref().map_or_else(verify::VerifyError::name, |verdict| verdict.outcome);
                (verify::answer(verdict, door.origins().own()).map(Body::from), outcome)
            }
            Target::Verify => not_allowed("POST, OPTIONS"),
            Target::Jwks if request.method() == Method::GET => (json(door.jwks()), "ok"),
            Target::Jwks => not_allowed("GET, OPTIONS"),
            Target::Metadata(address) => metadata(door, address.as_ref(), request.method()),
            Target::Nowhere => problem(Kind::NotFound, "Nothing is served at this path.", "not_found"),
            Target::Ambiguous => problem(
                Kind::AmbiguousPath,
                "A path here holds no %, \\, // and no . or .. segments.",
                "ambiguous_path",
            ),
        }
    };
    origin.admit(&mut response);
    (response, outcome)
}

fn refuse(door: &Door, refused: Refused, address: &Address) -> (Response<Body>, &'static str) {
    let Refused { refusal, id, retry_after } = refused;
    let outcome = refusal.name();
    tracing::debug!(reason = outcome, "a call is refused");
    let advice = door.resources().map(|resources| resources.advice(address));
    let challenger = Challenger { realm: door.origins().own(), advice: advice.as_ref() };
    let mut response = answer::answer(&refusal, id.as_deref(), challenger).map(Body::from);
    if let Some(after) = retry_after {
        response.headers_mut().entry(RETRY_AFTER).or_insert(HeaderValue::from(after.as_secs()));
    }
    (response, outcome)
}

/// RFC 9728 §3.
fn metadata(door: &Door, address: Option<&Address>, method: &Method) -> (Response<Body>, &'static str) {
    let told = door
        .resources()
        .and_then(|resources| Some(resources.metadata(address.or_else(|| resources.default_server())?)));
    let (mut response, outcome) = match told {
        None => problem(Kind::NotFound, "Nothing is served at this path.", "not_found"),
        Some(_) if method == Method::OPTIONS => {
            let mut response = Response::new(Body::default());
            *response.status_mut() = StatusCode::NO_CONTENT;
            let headers = response.headers_mut();
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET"));
            // Clients ask with the protocol's version, also for what is no call.
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("*"));
            (response, "preflight")
        }
        Some(told) if method == Method::GET => (json(told), "ok"),
        Some(_) => not_allowed("GET, OPTIONS"),
    };
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    (response, outcome)
}

/// A document that is everybody's.
fn json(text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(Bytes::from(text)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}

fn not_allowed(allow: &'static str) -> (Response<Body>, &'static str) {
    let mut response = Problem::method_not_allowed().response().map(Body::from);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    (response, "method_not_allowed")
}

fn problem(kind: Kind, detail: &str, outcome: &'static str) -> (Response<Body>, &'static str) {
    (Problem::new(kind, detail).response().map(Body::from), outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_path_leads_to_a_server_and_may_end_in_a_slash() {
        for path in ["/mcp/acme/docs", "/mcp/acme/docs/"] {
            let Target::Mcp(address) = Target::of(path) else { panic!("{path}") };
            assert_eq!((address.organization.as_str(), address.server.as_str()), ("acme", "docs"));
        }
        for path in [
            "/",
            "/mcp",
            "/mcp/",
            "/mcp/acme",
            "/mcp/acme/",
            "/mcp/acme/docs/x",
            "/mcp/acme/docs/x/",
            "/mcp/Acme/docs",
            "/MCP/acme/docs",
            "/mcp/acme/docs.json",
        ] {
            assert!(matches!(Target::of(path), Target::Nowhere), "{path}");
        }
    }

    #[test]
    fn paths_that_servers_read_differently_are_refused() {
        for path in [
            "/mcp/acme%2fdocs",
            "/mcp/acme/do%63s",
            "/mcp/acme/./docs",
            "/mcp/x/../acme/docs",
            "/mcp//acme/docs",
            "/mcp/acme\\docs",
            "/mcp/acme/docs//",
            "/..",
        ] {
            assert!(matches!(Target::of(path), Target::Ambiguous), "{path}");
        }
    }

    #[test]
    fn metadata_lies_before_the_path_of_its_resource() {
        for path in [
            "/.well-known/oauth-protected-resource/mcp/acme/docs",
            "/.well-known/oauth-protected-resource/mcp/acme/docs/",
        ] {
            let Target::Metadata(Some(address)) = Target::of(path) else { panic!("{path}") };
            assert_eq!((address.organization.as_str(), address.server.as_str()), ("acme", "docs"));
        }
        assert!(matches!(Target::of("/.well-known/oauth-protected-resource"), Target::Metadata(None)));
        for path in [
            "/.well-known/oauth-protected-resource/mcp",
            "/.well-known/oauth-protected-resource/mcp/acme",
            "/.well-known/oauth-protected-resource/other/acme/docs",
            "/.well-known/oauth-protected-resources",
            "/mcp/acme/docs/.well-known/oauth-protected-resource",
        ] {
            assert!(matches!(Target::of(path), Target::Nowhere), "{path}");
        }
    }

    #[test]
    fn the_authorization_servers_addresses_are_none_of_a_node() {
        for path in [
            "/.well-known/oauth-authorization-server",
            "/.well-known/openid-configuration",
            "/mcp/acme/docs/.well-known/openid-configuration",
            "/authorize",
            "/token",
            "/register",
        ] {
            assert!(matches!(Target::of(path), Target::Nowhere), "{path}");
        }
    }
}
