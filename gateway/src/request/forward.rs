//! Which headers pass, both ways: those on a list, and no others.

use std::time::Duration;

use events::Timestamp;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT,
};
use http::{HeaderMap, Method, Request};

use super::identity::Route;
use super::media;
use super::session::OpenedSession;
use crate::config::UserAgent;
use crate::mcp::Era;
use crate::mcp::header::{LAST_EVENT_ID, METHOD, NAME, PARAM_PREFIX, PROTOCOL_VERSION, SESSION_ID};
use crate::outgoing;
use crate::upstream::OUR_USER_AGENT;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const MAX_RETRY_AFTER: Duration = Duration::from_secs(86_400);

/// Room for so many headers makes it unnecessary to move them while they are added.
const USUAL_HEADERS: usize = 16;

/// Whether a client's header passes on to the upstream as it is. `Mcp-Session-Id` does not: it is opened; nor
/// does `Content-Type`, of which there is one.
pub fn passes_up(name: &HeaderName, era: Era) -> bool {
    match era {
        // Streams can't be resumed there (2026-07-28, "Earlier Streamable HTTP Revisions").
        Era::Stateless if *name == LAST_EVENT_ID => false,
        Era::Stateless | Era::Sessions => {
            [ACCEPT, PROTOCOL_VERSION, METHOD, NAME, LAST_EVENT_ID, TRACEPARENT, TRACESTATE].contains(name)
                || name.as_str().starts_with(PARAM_PREFIX)
        }
    }
}

/// Whether an upstream's header passes on to the client as it is. `Mcp-Session-Id` does not: it is sealed; nor
/// does `Content-Type`: the one that was judged does.
/// Cookies, redirects, CORS and challenges of upstreams never do; what may be cached is the gateway's to say.
pub fn passes_down(name: &HeaderName) -> bool {
    [ALLOW, RETRY_AFTER, PROTOCOL_VERSION].contains(name)
}

/// When an upstream asks to be asked again, beside words of ours: in seconds, at most a day.
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let asked = headers.get(RETRY_AFTER)?.to_str().ok()?;
    outgoing::retry_after(asked, now).map(|after| after.min(MAX_RETRY_AFTER))
}

/// Who calls, as the upstream is told.
pub fn user_agent(client: &HeaderMap, whose: UserAgent) -> HeaderValue {
    let theirs = match whose {
        UserAgent::Gateway => None,
        UserAgent::Client => client.get(USER_AGENT).cloned(),
    };
    theirs.unwrap_or(OUR_USER_AGENT)
}

/// The request to the upstream, around a body that was read whole. Where it goes, `upstream` says.
pub fn request<B>(
    method: Method,
    headers: &HeaderMap,
    body: B,
    route: &Route,
    session: Option<&OpenedSession>,
    era: Era,
    request_id: &HeaderValue,
) -> Request<B> {
    let mut request = Request::new(body);
    let has_message = method == Method::POST;
    *request.method_mut() = method;
    let up = request.headers_mut();
    up.reserve(USUAL_HEADERS);
    for (name, value) in headers {
        // Event ids are unique within a session alone (2025-11-25, "Resumability"): without one, an upstream might
        // replay a stream of somebody else's.
        if passes_up(name, era) && (session.is_some() || *name != LAST_EVENT_ID) {
            up.append(name, value.clone());
        }
    }
    if has_message {
        up.insert(CONTENT_TYPE, media::JSON);
    }
    // An encoded answer could not be told from garbage.
    up.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    if let Some((name, token)) = &route.identity {
        up.insert(name.clone(), token.clone());
    }
    up.insert(REQUEST_ID, request_id.clone());
    if let Some(session) = session {
        up.insert(SESSION_ID, session.upstream.clone());
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_told_in_seconds_and_has_a_bound() {
        let now: Timestamp = "2026-11-30T00:00:00Z".parse().unwrap();
        for (asked, told) in [
            ("7", Some(7)),
            ("Mon, 30 Nov 2026 00:01:00 GMT", Some(60)),
            ("99999999999", Some(86_400)),
            ("soon", None),
            ("-1", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(asked))]);
            assert_eq!(retry_after(&headers, now).map(|after| after.as_secs()), told, "{asked}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn credentials_cookies_and_what_is_not_listed_do_not_pass_up() {
        for name in [
            "authorization",
            "x-api-key",
            "cookie",
            "host",
            "origin",
            "referer",
            "forwarded",
            "x-forwarded-for",
            "connection",
            "te",
            "transfer-encoding",
            "content-length",
            "content-type",
            "expect",
            "mcp-session-id",
            "proxy-authorization",
            "x-anything",
            "accept-encoding",
            "x-request-id",
            "mcp-other",
        ] {
            let name = HeaderName::from_static(name);
            assert!(!passes_up(&name, Era::Sessions) && !passes_up(&name, Era::Stateless), "{name}");
        }
        for name in [
            "accept",
            "mcp-protocol-version",
            "mcp-method",
            "mcp-name",
            "mcp-param-region",
            "traceparent",
            "tracestate",
        ] {
            assert!(passes_up(&HeaderName::from_static(name), Era::Stateless), "{name}");
        }
        assert!(passes_up(&LAST_EVENT_ID, Era::Sessions));
        assert!(!passes_up(&LAST_EVENT_ID, Era::Stateless));
    }

    #[test]
    fn cookies_redirects_cors_and_challenges_do_not_pass_down() {
        for name in [
            "set-cookie",
            "location",
            "access-control-allow-origin",
            "access-control-expose-headers",
            "www-authenticate",
            "server",
            "x-powered-by",
            "content-encoding",
            "refresh",
            "link",
            "cache-control",
            "clear-site-data",
            "mcp-session-id",
            "alt-svc",
            "content-length",
            "content-type",
        ] {
            assert!(!passes_down(&HeaderName::from_static(name)), "{name}");
        }
        for name in ["allow", "retry-after"] {
            assert!(passes_down(&HeaderName::from_static(name)));
        }
    }
}
