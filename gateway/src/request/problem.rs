//! Who is not let in, as a problem: for every listener but `/mcp`, whose errors are JSON-RPC's.

use super::authenticate::{AuthenticationError, Fault};
use crate::problem::{Kind, Problem};

impl From<AuthenticationError> for Problem {
    fn from(error: AuthenticationError) -> Self {
        let unauthenticated = |detail: &str| Self::new(Kind::Unauthenticated, detail);
        match error.fault() {
            Fault::TwoCredentials => {
                Self::invalid("Authorization", "Send one credential: there are two or more in this request.")
            }
            Fault::NoCredential => {
                unauthenticated("Send a key as `Authorization: Bearer <key>` or as `X-API-Key: <key>`.")
            }
            Fault::Node => Self::new(
                Kind::Closed,
                "An event of this key or its organization can't be read, and nothing is decided on it here: a newer \
                 version wrote it, and the gateway must be upgraded, or nobody may obey it, as `keyledger events verify` \
                 tells.",
            ),
            Fault::InvalidKey | Fault::InvalidToken => match error {
                AuthenticationError::Invalid(invalid) => {
                    unauthenticated(&format!("This key does not work now: {invalid}."))
                }
                AuthenticationError::Credential(_)
                | AuthenticationError::Malformed
                | AuthenticationError::Unknown
                | AuthenticationError::Token(_) => unauthenticated("This is no key that works here."),
            },
        }
    }
}
