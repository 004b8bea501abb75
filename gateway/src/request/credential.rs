//! Where a request carries its key: `Authorization: Bearer` (RFC 6750 §2.1) or `X-API-Key`, in one of them
//! alone. Never in the URL.

use domain::key::secret::ParsedKey;
use http::HeaderMap;
use http::header::AUTHORIZATION;

const API_KEY: &str = "x-api-key";

/// The key as the client sent it; not yet known to be one.
#[derive(Clone, Copy)]
pub struct Credential<'a>(&'a str);

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
        if value.len() > "Bearer ".len() + 8 + ParsedKey::MAX_BYTES {
            return Err(CredentialError::Garbage);
        }
        let text = value.to_str().map_err(|_| CredentialError::Garbage)?;
        if !authorization {
            return Ok(Self(text.trim()));
        }
        // Another scheme (Basic) is no credential that we know: the challenge says which we take.
        let (scheme, token) = text.split_once(' ').ok_or(CredentialError::Missing)?;
        if scheme.eq_ignore_ascii_case("bearer") {
            Ok(Self(token.trim()))
        } else {
            Err(CredentialError::Missing)
        }
    }

    pub(super) fn text(self) -> &'a str {
        self.0
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
        Credential::read(&map).map(|credential| credential.0.to_owned())
    }

    #[test]
    fn a_key_comes_in_either_header() {
        assert_eq!(read(&[("authorization", "Bearer kl_x")]).unwrap(), "kl_x");
        assert_eq!(read(&[("authorization", "bEARER   kl_x")]).unwrap(), "kl_x");
        assert_eq!(read(&[("x-api-key", "kl_x")]).unwrap(), "kl_x");
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
        assert_eq!(read(&[("x-api-key", "schlüssel")]), Err(CredentialError::Garbage));
    }
}
