//! What a client says of itself (RFC 7591 §2, the Client ID Metadata Document): names as they were listed, known or not.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::keys::ClientKeys;
use super::text::{Bounded, ScopeText, Uri, Word};

/// A client's metadata. Its name is not among it: that is sealed. Contacts are people's and are not kept.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct ClientMetadata {
    /// Where its answers may be sent to: exact addresses, of which a port counts for nothing where the host is a loopback
    /// one (RFC 8252 §7.3).
    #[serde(default, skip_serializing_if = "Bounded::is_empty")]
    pub redirect_uris: Bounded<Uri, 32>,
    /// As they were listed; none: `authorization_code`.
    #[serde(default, skip_serializing_if = "Bounded::is_empty")]
    pub grant_types: Bounded<Word, 32>,
    /// As they were listed; none: `code`.
    #[serde(default, skip_serializing_if = "Bounded::is_empty")]
    pub response_types: Bounded<Word, 32>,
    /// How it proves that it is this client; absent: it did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_method: Option<Word>,
    /// Those that it lists beside that one.
    #[serde(default, skip_serializing_if = "Bounded::is_empty")]
    pub token_endpoint_auth_methods_supported: Bounded<Word, 32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_signing_alg: Option<Word>,
    /// Where its public keys lie; it has these, or `jwks`, or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<Uri>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<ClientKeys>,
    /// `native` or `web`, where it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_type: Option<Word>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<Uri>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<Uri>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<Uri>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<Uri>,
    /// The scopes that it registered, which may be none; absent: it did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<ScopeText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub software_id: Option<Word>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub software_version: Option<Word>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_kept_as_they_are_written_and_are_bounded() {
        let of = |uris: &[&str]| serde_json::json!({ "redirect_uris": uris }).to_string();
        let read = |text: &str| serde_json::from_str::<ClientMetadata>(text);
        let given = of(&["HTTP://LocalHost:80/a/../b", "cursor://anysphere.cursor-mcp/oauth/callback"]);
        assert_eq!(serde_json::to_string(&read(&given).unwrap()).unwrap(), given);
        read(&of(&["https://a.example/"; 32])).unwrap();
        read(&of(&["https://a.example/"; 33])).unwrap_err();
        for bad in ["", "https://a.example/\u{e9}", "https://a.example/ b", "https://a.example/\n"] {
            read(&of(&[bad])).unwrap_err();
        }
        let long = format!("https://a.example/{}", "a".repeat(2_030));
        read(&of(&[&long])).unwrap();
        read(&of(&[&format!("{long}a")])).unwrap_err();
    }

    #[test]
    fn what_nobody_knows_of_grants_is_kept_and_of_members_passed_over() {
        let text = r#"{"grant_types":["authorization_code","urn:example:x"],"scope":"","frontchannel":1}"#;
        let metadata: ClientMetadata = serde_json::from_str(text).unwrap();
        assert_eq!(metadata.grant_types.iter().map(Word::as_str).next_back(), Some("urn:example:x"));
        assert_eq!(metadata.scope.as_ref().map(ScopeText::as_str), Some(""));
    }
}
