//! Who is not let in, as a problem: for every listener but `/mcp`, whose errors are JSON-RPC's.

use super::authenticate::AuthenticationError;
use super::credential::CredentialError;
use super::principal::Invalid;
use crate::problem::{Kind, Problem};

impl From<AuthenticationError> for Problem {
    fn from(error: AuthenticationError) -> Self {
        let unauthenticated = |detail: &str| Self::new(Kind::Unauthenticated, detail);
        match error {
            AuthenticationError::Credential(CredentialError::Two) => {
                Self::invalid("Authorization", "Send one credential: there are two or more in this request.")
            }
            AuthenticationError::Credential(CredentialError::Missing) => {
                unauthenticated("Send a key as `Authorization: Bearer <key>` or as `X-API-Key: <key>`.")
            }
            AuthenticationError::Credential(CredentialError::Garbage)
            | AuthenticationError::Malformed
            | AuthenticationError::Unknown => unauthenticated("This is no key that works here."),
            AuthenticationError::Invalid(Invalid::Closed) => Self::new(
                Kind::Closed,
                "An event of this key or its organization was written by a newer version, and nothing is decided \
                 on it here. Upgrade the gateway.",
            ),
            AuthenticationError::Invalid(
                invalid @ (Invalid::Revoked
                | Invalid::Disabled
                | Invalid::NotYetValid
                | Invalid::Expired
                | Invalid::OrganizationSuspended),
            ) => unauthenticated(&format!("This key does not work now: {invalid}.")),
        }
    }
}
