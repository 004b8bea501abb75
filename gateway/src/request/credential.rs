//! Where a request carries its key or its access token: `Authorization: Bearer` (RFC 6750 §2.1), or `X-API-Key` for a key,
//! in one of them alone. Never in the URL.

use domain::key::secret::ParsedKey;
use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::access_token;

const API_KEY: &str = "x-api-key";

/// A credential as the client sent it; not yet known to be one.
#[derive(Clone, Copy)]
pub enum Credential<'a> {
    Key(&'a str),
    /// It has the form of an access token, which no key has.
    Token(&'a str),
}

/// Why there is no credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    #[error("no key was sent: use `Authorization: Bearer <key>` or `X-API-Key: <key>`")]
    Missing,
    #[error("two credentials were sent: send one")]
    Two,
    #[error("the credential can't be a key")]
    Garbage,
}

impl<'a> Credential<'a> {
    pub fn read(headers: &'a HeaderMap) -> Result<Self, CredentialError> {
        let mut values = headers.get_all(AUTHORIZATION).iter().map(|value| (value, true));
        let mut keys = headers.get_all(API_KEY).iter().map(|value| (value, false));
        let (first, second) = match (values.next(), keys.next()) {
            (Some(first), None) => (first, values.next()),
            (None, Some(first)) => (first, keys.next()),
            (Some(_), Some(_)) => return Err(CredentialError::Two),
            (None, None) => return Err(CredentialError::Missing),
        };
        if second.is_some() {
            return Err(CredentialError::Two);
        }
        let (value, authorization) = first;
        if value.len() > "Bearer ".len() + 8 + access_token::MAX_BYTES {
            return Err(CredentialError::Garbage);
        }
        let text = value.to_str().map_err(|_| CredentialError::Garbage)?;
        if !authorization {
            return Self::key(text.trim());
        }
        // Another scheme (Basic) is no credential that we know: the challenge says which we take.
        let (scheme, token) = text.split_once(' ').ok_or(CredentialError::Missing)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(CredentialError::Missing);
        }
        let token = token.trim();
        if access_token::is_jwt(token) { Ok(Self::Token(token)) } else { Self::key(token) }
    }

    fn key(text: &'a str) -> Result<Self, CredentialError> {
        if text.len() > ParsedKey::MAX_BYTES { Err(CredentialError::Garbage) } else { Ok(Self::Key(text)) }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(headers: &[(&'static str, &str)]) -> Result<String, CredentialError> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        Credential::read(&map).map(|credential| match credential {
            Credential::Key(text) => format!("key {text}"),
            Credential::Token(text) => format!("token {text}"),
        })
    }

    #[test]
    fn a_key_comes_in_either_header() {
        assert_eq!(read(&[("authorization", "Bearer kl_x")]).unwrap(), "key kl_x");
        assert_eq!(read(&[("authorization", "bEARER   kl_x")]).unwrap(), "key kl_x");
        assert_eq!(read(&[("x-api-key", "kl_x")]).unwrap(), "key kl_x");
    }

    /// RFC 6750 §2.1: tokens travel in `Authorization`.
    #[test]
    fn a_token_is_known_by_its_form_and_comes_as_a_bearer() {
        assert_eq!(read(&[("authorization", "Bearer a.b.c")]).unwrap(), "token a.b.c");
        assert_eq!(read(&[("x-api-key", "a.b.c")]).unwrap(), "key a.b.c");
        let long = format!("Bearer a.b.{}", "c".repeat(access_token::MAX_BYTES - 4));
        assert!(read(&[("authorization", &long)]).unwrap().starts_with("token a.b.c"));
        assert_eq!(read(&[("authorization", &format!("{long}cccccccccc"))]), Err(CredentialError::Garbage));
    }

    #[test]
    fn two_credentials_are_refused() {
        for headers in [
            [("authorization", "Bearer a"), ("x-api-key", "a")],
            [("authorization", "Bearer a"), ("authorization", "Bearer a")],
            [("x-api-key", "a"), ("x-api-key", "b")],
        ] {
            assert_eq!(read(&headers), Err(CredentialError::Two));
        }
    }

    #[test]
    fn nothing_or_another_scheme_is_no_credential() {
        for headers in [&[][..], &[("authorization", "Basic YTpi")], &[("authorization", "Bearer")]] {
            assert_eq!(read(headers), Err(CredentialError::Missing));
        }
    }

    #[test]
    fn what_is_too_long_or_no_text_is_garbage() {
        assert_eq!(read(&[("x-api-key", &"a".repeat(400))]), Err(CredentialError::Garbage));
        assert_eq!(
            read(&[("authorization", &format!("Bearer {}", "a".repeat(400)))]),
            Err(CredentialError::Garbage)
        );
        assert_eq!(read(&[("x-api-key", "schlüssel")]), Err(CredentialError::Garbage));
    }
}
