//! A request's body as the OAuth endpoints take it: a form (RFC 6749 appendix B), or JSON, within bounds.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};

use super::error::OauthError;
use super::parameters::Parameters;
use super::state::{Accounts, MAX_BODY};
use crate::problem::body::{self, BodyFault, Bounds};
use crate::problem::room::Whose;

const BOUNDS: Bounds = Bounds { max: MAX_BODY, timeout: Duration::from_secs(10) };

/// The head of a request, and its form.
pub async fn read(accounts: &Accounts, request: Request) -> Result<(HeaderMap, Parameters), OauthError> {
    let (head, body) = request.into_parts();
    let media = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim();
    if !media.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        || head.headers.contains_key(CONTENT_ENCODING)
    {
        let problem = "send the parameters as application/x-www-form-urlencoded, not encoded any further";
        return Err(OauthError::invalid_request(problem));
    }
    if head.uri.query().is_some_and(|query| !query.is_empty()) {
        // RFC 6749 §3.2: a URL ends up in logs.
        return Err(OauthError::invalid_request("parameters stand in the body, never in the URL"));
    }
    let bytes = bytes(accounts, body).await?;
    let parameters = Parameters::parse(&bytes, MAX_BODY).map_err(OauthError::invalid_request)?;
    Ok((head.headers, parameters))
}

/// A body of whatever form.
pub async fn bytes(accounts: &Accounts, body: Body) -> Result<Bytes, OauthError> {
    body::read(body, BOUNDS, &accounts.room, Whose::ANYBODY).await.map_err(|fault| match fault {
        BodyFault::Full | BodyFault::ShareFull => {
            OauthError::unavailable("as many bodies are held as may be")
        }
        BodyFault::ContentType
        | BodyFault::ContentEncoding
        | BodyFault::TooLong { .. }
        | BodyFault::Timeout
        | BodyFault::Incomplete => OauthError::invalid_request(fault),
    })
}
