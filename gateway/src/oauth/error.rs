//! What goes wrong, as OAuth says it: JSON at the endpoints (RFC 6749 §5.2), a redirect from the authorization
//! endpoint (§4.1.2.1) with `iss` (RFC 9207).

use std::fmt;
use std::time::Duration;

use http::StatusCode;
use serde::Serialize;

events::named! {
    /// Registered error codes: RFC 6749 §4.1.2.1 and §5.2, RFC 7009 §2.2.1, RFC 7591 §3.2.2, RFC 8707 §2,
    /// RFC 9101 §6, RFC 6750 §3.1, OpenID Connect Core §3.1.2.6.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
    pub enum Code {
        InvalidRequest = "invalid_request",
        InvalidClient = "invalid_client",
        InvalidGrant = "invalid_grant",
        InvalidScope = "invalid_scope",
        InvalidTarget = "invalid_target",
        InvalidToken = "invalid_token",
        InvalidRedirectUri = "invalid_redirect_uri",
        InvalidClientMetadata = "invalid_client_metadata",
        UnauthorizedClient = "unauthorized_client",
        UnsupportedGrantType = "unsupported_grant_type",
        UnsupportedResponseType = "unsupported_response_type",
        UnsupportedTokenType = "unsupported_token_type",
        RequestNotSupported = "request_not_supported",
        AccessDenied = "access_denied",
        LoginRequired = "login_required",
        ConsentRequired = "consent_required",
        ServerError = "server_error",
        TemporarilyUnavailable = "temporarily_unavailable",
    }
}

/// A code, and for developers what is wrong and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OauthError {
    pub code: Code,
    description: String,
    pub retry_after: Option<Duration>,
    status: Option<StatusCode>,
}

/// A description longer than this is cut, in bytes.
const LONGEST: usize = 400;

impl OauthError {
    pub fn new(code: Code, description: impl fmt::Display) -> Self {
        Self { code, description: described(&description.to_string()), retry_after: None, status: None }
    }

    pub fn invalid_request(description: impl fmt::Display) -> Self {
        Self::new(Code::InvalidRequest, description)
    }

    /// Too much at once: 429 with `Retry-After`.
    pub fn too_many(description: impl fmt::Display, after: Duration) -> Self {
        let error = Self::new(Code::TemporarilyUnavailable, description);
        Self { retry_after: Some(after), status: Some(StatusCode::TOO_MANY_REQUESTS), ..error }
    }

    /// Something behind this endpoint does not answer: 503 with `Retry-After`.
    pub fn unavailable(description: impl fmt::Display) -> Self {
        let error = Self::new(Code::TemporarilyUnavailable, description);
        Self { retry_after: Some(Duration::from_secs(2)), ..error }
    }

    pub fn description(&self) -> &str {
        &self.description
    }

    /// At an endpoint that answers in JSON.
    pub fn status(&self) -> StatusCode {
        self.status.unwrap_or(match self.code {
            Code::InvalidClient | Code::InvalidToken => StatusCode::UNAUTHORIZED,
            Code::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
            Code::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Code::AccessDenied => StatusCode::FORBIDDEN,
            Code::InvalidRequest
            | Code::InvalidGrant
            | Code::InvalidScope
            | Code::InvalidTarget
            | Code::InvalidRedirectUri
            | Code::InvalidClientMetadata
            | Code::UnauthorizedClient
            | Code::UnsupportedGrantType
            | Code::UnsupportedResponseType
            | Code::UnsupportedTokenType
            | Code::RequestNotSupported
            | Code::LoginRequired
            | Code::ConsentRequired => StatusCode::BAD_REQUEST,
        })
    }

    /// The body of such an answer.
    pub fn json(&self) -> String {
        #[derive(Serialize)]
        struct Body<'a> {
            error: &'a str,
            error_description: &'a str,
        }
        let body = Body { error: self.code.as_str(), error_description: &self.description };
        serde_json::to_string(&body).unwrap_or_else(|_| r#"{"error":"server_error"}"#.to_owned())
    }
}

impl fmt::Display for OauthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.description)
    }
}

impl std::error::Error for OauthError {}

/// RFC 6749 §5.2: `error_description` holds ASCII without `"` and `\`. What a client sent may be in it.
fn described(text: &str) -> String {
    let fit = |c: char| match c {
        '"' => '\'',
        ' '..='[' | ']'..='~' => c,
        _ => '?',
    };
    text.chars().take(LONGEST).map(fit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_holds_what_the_standard_lets_it_hold() {
        let error = OauthError::invalid_request("a \"word\" \\ and\nmore \u{202e}é".to_owned());
        assert_eq!(error.description(), "a 'word' ? and?more ??");
        assert_eq!(
            error.json(),
            r#"{"error":"invalid_request","error_description":"a 'word' ? and?more ??"}"#
        );
        assert_eq!(OauthError::invalid_request("x".repeat(5_000)).description().len(), LONGEST);
    }

    #[test]
    fn a_client_that_is_not_known_is_401_so_that_it_registers_anew() {
        assert_eq!(OauthError::new(Code::InvalidClient, "").status(), 401);
        assert_eq!(OauthError::new(Code::InvalidGrant, "").status(), 400);
        assert_eq!(OauthError::too_many("", Duration::from_secs(1)).status(), 429);
        assert_eq!(OauthError::unavailable("").status(), 503);
    }
}
