//! Which browsers may call: the Origin check that MCP asks for, and CORS (Fetch standard) for those origins.
//! Keys travel in headers that no browser adds by itself, so `*` may be allowed; credentials mode never is.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, HeaderName,
    HeaderValue, ORIGIN, VARY,
};
use http::{HeaderMap, Response, StatusCode};

use super::forward;
use crate::mcp::Era;

/// The origins that may call.
#[derive(Debug, Clone)]
pub struct Origins {
    own: String,
    any: bool,
    /// Scheme and `://`: every origin of it.
    schemes: Vec<String>,
    allowed: Vec<String>,
}

/// The origin of a browser's request, once it is known to be allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// No browser, or a request within one origin.
    None,
    Allowed(HeaderValue),
}

/// The origin is not allowed, or there are two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAllowed;

const EXPOSED: HeaderValue = HeaderValue::from_static(
    "www-authenticate, mcp-session-id, mcp-protocol-version, retry-after, x-request-id",
);

impl Origins {
    /// `own`: the gateway's origin. Among the others, `*`: any; `SCHEME://*`: any of that scheme.
    pub fn new(own: String, others: &[String]) -> Self {
        let schemes = others.iter().filter_map(|origin| origin.strip_suffix('*'));
        let schemes: Vec<_> = schemes.filter(|scheme| !scheme.is_empty()).map(str::to_owned).collect();
        let mut allowed: Vec<_> =
            others.iter().map(|origin| origin.trim_end_matches('/').to_owned()).collect();
        allowed.push(own.clone());
        Self { own, any: others.iter().any(|origin| origin == "*"), schemes, allowed }
    }

    /// The gateway's own origin; the realm of its challenges.
    pub fn own(&self) -> &str {
        &self.own
    }

    pub fn check(&self, headers: &HeaderMap) -> Result<Origin, NotAllowed> {
        let mut origins = headers.get_all(ORIGIN).iter();
        let Some(origin) = origins.next() else { return Ok(Origin::None) };
        if origins.next().is_some() || !(self.any || self.knows(origin.as_bytes())) {
            return Err(NotAllowed);
        }
        Ok(Origin::Allowed(origin.clone()))
    }

    fn knows(&self, origin: &[u8]) -> bool {
        let of_scheme = |scheme: &String| {
            origin.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes()))
        };
        self.allowed.iter().any(|allowed| origin.eq_ignore_ascii_case(allowed.as_bytes()))
            || self.schemes.iter().any(of_scheme)
    }

    /// The answer to a preflight: what the browser wants to send, as far as it passes. Needs no key.
    pub fn preflight<B: Default>(&self, headers: &HeaderMap) -> Response<B> {
        let mut response = Response::new(B::default());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let answer = response.headers_mut();
        answer.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, DELETE"));
        answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("7200"));
        let wanted = headers.get_all(ACCESS_CONTROL_REQUEST_HEADERS).iter();
        let wanted = wanted.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        let passing: Vec<_> = wanted
            .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
            .filter(may_be_sent)
            .take(64)
            .collect();
        let names: Vec<_> = passing.iter().map(HeaderName::as_str).collect();
        if let Ok(value) = HeaderValue::from_str(&names.join(", ")) {
            answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, value);
        }
        response
    }
}

impl Origin {
    /// Lets the page read the answer, refusals included.
    pub fn admit<B>(self, response: &mut Response<B>) {
        let headers = response.headers_mut();
        headers.append(VARY, HeaderValue::from_static("origin"));
        if let Self::Allowed(origin) = self {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
    }
}

fn may_be_sent(name: &HeaderName) -> bool {
    let ours = ["authorization", "x-api-key", "content-type", "mcp-session-id", "baggage", "user-agent"];
    ours.contains(&name.as_str()) || forward::passes_up(name, Era::Sessions)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(others: &[&str]) -> Origins {
        let others: Vec<_> = others.iter().map(|origin| (*origin).to_owned()).collect();
        Origins::new("https://mcp.example.com".to_owned(), &others)
    }

    fn from(origin: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(ORIGIN, HeaderValue::from_static(origin))])
    }

    #[test]
    fn a_present_origin_must_be_allowed() {
        let origins = origins(&["https://app.example.com/"]);
        assert_eq!(origins.check(&HeaderMap::new()), Ok(Origin::None));
        for good in ["https://mcp.example.com", "https://app.example.com"] {
            origins.check(&from(good)).unwrap();
        }
        for bad in
            ["https://evil.example.com", "null", "", "http://mcp.example.com", "https://mcp.example.com:8443"]
        {
            assert_eq!(origins.check(&from(bad)), Err(NotAllowed), "{bad}");
        }
        let mut two = from("https://mcp.example.com");
        two.append(ORIGIN, HeaderValue::from_static("https://mcp.example.com"));
        assert_eq!(origins.check(&two), Err(NotAllowed));
    }

    #[test]
    fn apps_extensions_and_editors_may_be_allowed() {
        let origins = origins(&["tauri://localhost", "chrome-extension://abcdefgh", "vscode-webview://*"]);
        for good in [
            "tauri://localhost",
            "chrome-extension://abcdefgh",
            "vscode-webview://1a2b3c",
            "vscode-webview://4d5e6f",
        ] {
            origins.check(&from(good)).unwrap();
        }
        for bad in [
            "tauri://localhost:1420",
            "tauri://elsewhere",
            "chrome-extension://other",
            "vscode-file://vscode-app",
            "https://vscode-webview://x",
            "null",
        ] {
            assert_eq!(origins.check(&from(bad)), Err(NotAllowed), "{bad}");
        }
    }

    #[test]
    fn any_origin_may_be_allowed() {
        let origins = origins(&["*"]);
        origins.check(&from("https://anything.example")).unwrap();
        origins.check(&from("null")).unwrap();
    }

    #[test]
    fn a_preflight_allows_what_passes() {
        let mut headers = from("https://mcp.example.com");
        let wanted = HeaderValue::from_static("Authorization, X-API-Key, mcp-param-region, cookie, x-evil");
        headers.insert(ACCESS_CONTROL_REQUEST_HEADERS, wanted);
        let response = origins(&[]).preflight::<()>(&headers);
        assert_eq!(response.status(), 204);
        let allowed = &response.headers()[ACCESS_CONTROL_ALLOW_HEADERS];
        assert_eq!(allowed, "authorization, x-api-key, mcp-param-region");
    }
}
