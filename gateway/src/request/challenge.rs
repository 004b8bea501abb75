//! What a refusal tells a client of how to get in: `WWW-Authenticate` (RFC 6750 §3), with where a resource's metadata lies
//! (RFC 9728 §5.1).
//!
//! Most clients begin a sign-in at any 401, and at a 403 that is a challenge. So whoever calls by a key gets none with a
//! 403, for no sign-in widens a key; and at a 401 no word of metadata. An installation without
//! issuers, where nobody can sign in, never says one.

use http::HeaderValue;

use super::authenticate::Fault;
use super::refusal::Refusal;
use super::resource::Advice;

/// Who is challenged.
#[derive(Debug, Clone, Copy)]
pub struct Challenger<'a> {
    /// The gateway's origin.
    pub realm: &'a str,
    /// Of the resource that was called; `None`: nobody can sign in here.
    pub advice: Option<&'a Advice>,
}

impl Challenger<'_> {
    /// The challenge of a refusal, whose words are `message`; `None`: it has none.
    pub fn header(&self, refusal: &Refusal, message: &str) -> Option<HeaderValue> {
        let realm = self.realm;
        let rest = if let Refusal::Authentication(error) = refusal {
            match error.fault() {
                // No credential was sent: no error code (RFC 6750 §3.1).
                Fault::NoCredential => {
                    let scope = self.advice.map(|advice| format!(", scope=\"{}\"", advice.scope));
                    format!("{}{}", self.metadata(), scope.unwrap_or_default())
                }
                Fault::InvalidKey => invalid(message),
                Fault::InvalidToken => format!("{}{}", invalid(message), self.metadata()),
                Fault::TwoCredentials | Fault::Node => return None,
            }
        } else if let Refusal::InsufficientScope { scopes: Some(scopes), can_step_up: true } = refusal {
            let metadata = self.metadata();
            format!(
                ", error=\"insufficient_scope\", error_description=\"{message}\", scope=\"{scopes}\"{metadata}"
            )
        } else {
            return None;
        };
        HeaderValue::from_str(&format!("Bearer realm=\"{realm}\"{rest}")).ok()
    }

    fn metadata(&self) -> String {
        let metadata = self.advice.map(|advice| format!(", resource_metadata=\"{}\"", advice.metadata));
        metadata.unwrap_or_default()
    }
}

/// `message` holds no quote and no backslash (§3), nor do scopes: RFC 6749 scope tokens.
fn invalid(message: &str) -> String {
    format!(", error=\"invalid_token\", error_description=\"{message}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access_token;
    use crate::request::AuthenticationError;
    use crate::request::authenticate::TokenError;
    use crate::request::credential::CredentialError;

    const REALM: &str = "https://mcp.example.com";

    fn challenge(refusal: impl Into<Refusal>, signs_in: bool) -> Option<String> {
        let advice = Advice { metadata: format!("{REALM}/.well-known/x"), scope: "mcp:docs".to_owned() };
        let challenger = Challenger { realm: REALM, advice: signs_in.then_some(&advice) };
        let refusal = refusal.into();
        let header = challenger.header(&refusal, &refusal.to_string())?;
        let text = header.to_str().unwrap().strip_prefix("Bearer realm=\"https://mcp.example.com\"").unwrap();
        Some(text.to_owned())
    }

    const METADATA: &str = ", resource_metadata=\"https://mcp.example.com/.well-known/x\"";

    #[test]
    fn who_sends_nothing_learns_where_to_begin_and_no_error() {
        let missing = || AuthenticationError::Credential(CredentialError::Missing);
        assert_eq!(challenge(missing(), true).unwrap(), format!("{METADATA}, scope=\"mcp:docs\""));
        assert_eq!(challenge(missing(), false).unwrap(), "");
    }

    #[test]
    fn a_token_that_does_not_count_leads_to_the_metadata_and_a_key_does_not() {
        let token = || AuthenticationError::Token(TokenError::Fault(access_token::Fault::Expired));
        let error = ", error=\"invalid_token\", error_description=\"the token has expired\"";
        assert_eq!(challenge(token(), true).unwrap(), format!("{error}{METADATA}"));
        assert_eq!(challenge(token(), false).unwrap(), error);
        let key = challenge(AuthenticationError::Unknown, true).unwrap();
        assert_eq!(key, ", error=\"invalid_token\", error_description=\"no such key\"");
    }

    #[test]
    fn a_missing_scope_is_a_challenge_where_a_sign_in_can_give_it() {
        let refusal = |can_step_up| Refusal::InsufficientScope {
            scopes: Some("mcp:docs:tools:add".to_owned()),
            can_step_up,
        };
        let told = challenge(refusal(true), true).unwrap();
        assert!(told.starts_with(", error=\"insufficient_scope\""), "{told}");
        assert!(told.ends_with(&format!(", scope=\"mcp:docs:tools:add\"{METADATA}")), "{told}");
        assert_eq!(challenge(refusal(false), true), None);
        assert_eq!(challenge(Refusal::NotForMcp, true), None);
    }
}
