//! Answers of the accounts listener: their headers, cookies and forms.
//!
//! Every answer forbids framing, sniffing, referrers and caching, and loads nothing. Only what clients call by themselves
//! (metadata, registration, token, revocation) may be read across origins; none of it looks at a cookie.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, CACHE_CONTROL, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, COOKIE, HeaderName, HeaderValue, LOCATION, PRAGMA, REFERRER_POLICY, RETRY_AFTER,
    SET_COOKIE, STRICT_TRANSPORT_SECURITY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, StatusCode};

use super::error::{Code, OauthError};
use super::pages::{self, STYLE_SOURCE, Told};

/// A page, and where its forms may lead beside here.
#[derive(Debug)]
pub struct Page {
    status: StatusCode,
    html: Option<String>,
    /// A source of a Content-Security-Policy: browsers hold a form's redirects against `form-action`.
    leads_to: Option<String>,
}

impl Page {
    /// `None`: it could not be made.
    pub fn ok(html: Option<String>) -> Self {
        Self { status: StatusCode::OK, html, leads_to: None }
    }

    pub fn told(status: StatusCode, title: &str, detail: &str, advice: Option<&str>) -> Self {
        Self { status, html: pages::render(&Told { title, detail, advice }), leads_to: None }
    }

    #[must_use]
    pub fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    #[must_use]
    pub fn leading_to(self, source: String) -> Self {
        Self { leads_to: Some(source), ..self }
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let Some(html) = self.html else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
        let mut response = Response::new(Body::from(html));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        let form = self.leads_to.map(|source| format!(" {source}")).unwrap_or_default();
        let policy = policy(&format!("form-action 'self'{form}; style-src {}", *STYLE_SOURCE));
        if let Ok(policy) = HeaderValue::try_from(policy) {
            headers.insert(CONTENT_SECURITY_POLICY, policy);
        }
        response
    }
}

impl IntoResponse for OauthError {
    /// RFC 6749 §5.2.
    fn into_response(self) -> Response {
        let mut response = json(self.status(), self.json());
        let headers = response.headers_mut();
        if let Some(after) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)));
        }
        if self.code == Code::InvalidClient {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"oauth\""));
        }
        response
    }
}

/// JSON that was made already.
pub fn json(status: StatusCode, json: String) -> Response {
    let mut response = Response::new(Body::from(json));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A browser goes on to there with a GET (RFC 9110 §15.4.4).
pub fn see_other(to: &str) -> Response {
    match HeaderValue::try_from(to) {
        Ok(to) => {
            let mut response = StatusCode::SEE_OTHER.into_response();
            response.headers_mut().insert(LOCATION, to);
            response
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn policy(more: &str) -> String {
    format!("default-src 'none'; base-uri 'none'; frame-ancestors 'none'; {more}")
}

/// What every answer has. What says nothing of itself is not kept by anybody.
pub fn guarded(mut response: Response, is_https: bool) -> Response {
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    set(CACHE_CONTROL, "no-store");
    set(PRAGMA, "no-cache");
    set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(X_FRAME_OPTIONS, "DENY");
    set(REFERRER_POLICY, "no-referrer");
    set(
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'",
    );
    if is_https {
        set(STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    response
}

/// Lets scripts of any origin read an answer that no cookie has part in.
pub fn readable(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("www-authenticate, retry-after"));
    response
}

/// The answer to a preflight of such a request (Fetch standard §3.2.2).
pub fn preflight() -> Response {
    let mut response = readable(StatusCode::NO_CONTENT.into_response());
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, PUT, DELETE"));
    headers.insert(
        ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("authorization, content-type, mcp-protocol-version"),
    );
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("7200"));
    response
}

/// A cookie of this origin alone, that no script reads: the browser refuses the name from anywhere else
/// (RFC 6265bis §4.1.3.2).
#[derive(Clone, Copy, Debug)]
pub struct Cookie(&'static str);

impl Cookie {
    /// Who is signed in.
    pub const SESSION: Self = Self("__Host-kl-session");
    /// The browser that a sign-in began in.
    pub const SIGN_IN: Self = Self("__Host-kl-sign-in");

    /// What the browser brings. Of two of one name, neither is believed.
    pub fn of(self, headers: &HeaderMap) -> Option<&str> {
        let values = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut found = values
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('=').filter(|(name, _)| *name == self.0))
            .map(|(_, value)| value);
        let first = found.next()?;
        found.next().is_none().then_some(first).filter(|value| !value.is_empty() && value.len() <= 128)
    }

    /// Lax: a redirect back from an issuer brings it, a form of another site does not.
    pub fn set(self, response: &mut Response, value: &str, seconds: u64) {
        let cookie = format!("{}={value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={seconds}", self.0);
        if let Ok(cookie) = HeaderValue::try_from(cookie) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
    }

    pub fn remove(self, response: &mut Response) {
        self.set(response, "", 0);
    }
}

/// Whether a browser says that a form was sent from elsewhere (Fetch Metadata). `Origin` can't tell: without a referrer it
/// is `null` from our own pages too. What says nothing is left to the form's token.
pub fn is_cross_site(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    site.is_some_and(|site| site != b"same-origin" && site != b"none")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap())
        });
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(name, value);
        }
        map
    }

    #[test]
    fn a_cookie_is_read_once_or_not_at_all() {
        let read = |value: &str| Cookie::SESSION.of(&headers(&[("cookie", value)])).map(str::to_owned);
        assert_eq!(read("a=b; __Host-kl-session=x; c=d").as_deref(), Some("x"));
        for none in [
            "",
            "a=b",
            "__Host-kl-session=",
            "__host-kl-session=x",
            "x__Host-kl-session=x",
            "__Host-kl-session=x; __Host-kl-session=y",
        ] {
            assert_eq!(read(none), None, "{none}");
        }
        let two = headers(&[("cookie", "__Host-kl-session=x"), ("cookie", "__Host-kl-session=x")]);
        assert_eq!(Cookie::SESSION.of(&two), None);
    }

    #[test]
    fn a_cookie_is_this_origins_alone() {
        let mut response = StatusCode::OK.into_response();
        Cookie::SESSION.set(&mut response, "v", 60);
        let cookie = response.headers()[SET_COOKIE].to_str().unwrap();
        assert_eq!(cookie, "__Host-kl-session=v; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=60");
    }

    #[test]
    fn every_answer_is_guarded_and_a_page_keeps_its_own_policy() {
        let plain = guarded(StatusCode::NOT_FOUND.into_response(), true);
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("strict-transport-security", "max-age=31536000"),
        ] {
            assert_eq!(plain.headers()[name], value, "{name}");
        }
        assert!(
            plain.headers()["content-security-policy"].to_str().unwrap().contains("frame-ancestors 'none'")
        );
        assert!(plain.headers().get("access-control-allow-origin").is_none());
        let page = Page::told(StatusCode::OK, "t", "d", None).leading_to("https://a.example".to_owned());
        let page = guarded(page.into_response(), false);
        let policy = page.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("form-action 'self' https://a.example;"), "{policy}");
        assert!(
            policy.contains("frame-ancestors 'none'") && policy.contains("style-src 'sha256-"),
            "{policy}"
        );
        assert!(page.headers().get("strict-transport-security").is_none());
    }

    #[test]
    fn a_form_from_elsewhere_is_known_by_what_the_browser_says() {
        for (site, is) in [("same-origin", false), ("none", false), ("cross-site", true), ("same-site", true)]
        {
            assert_eq!(is_cross_site(&headers(&[("sec-fetch-site", site)])), is, "{site}");
        }
        assert!(!is_cross_site(&headers(&[])));
    }
}
