//! What clients are told of this authorization server (RFC 8414 §2; OpenID Connect Discovery 1.0 §3, which clients try as
//! well and are answered with the same).

use serde::Serialize;
use url::Url;

/// `code_challenge_methods_supported` and the rest of what never depends on configuration.
const METHODS: &[&str] = &["none", "private_key_jwt", "client_secret_basic", "client_secret_post"];
const ALGORITHMS: &[&str] = &["RS256", "ES256"];

/// Where the endpoints are, below the issuer.
pub mod path {
    pub const AUTHORIZE: &str = "/oauth/authorize";
    pub const PAR: &str = "/oauth/par";
    pub const TOKEN: &str = "/oauth/token";
    pub const REGISTER: &str = "/oauth/register";
    pub const REVOKE: &str = "/oauth/revoke";
    pub const INTROSPECT: &str = "/oauth/introspect";
    pub const JWKS: &str = "/oauth/jwks";
    pub const OAUTH: &str = "/.well-known/oauth-authorization-server";
    pub const OPENID: &str = "/.well-known/openid-configuration";
}

/// The issuer identifier (RFC 8414 §2): the origin of `accounts_url`, byte for byte the same everywhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Issuer(String);

impl Issuer {
    pub fn of(accounts_url: &Url) -> Self {
        Self(accounts_url.origin().ascii_serialization())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The URL of one of its paths.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
}

#[derive(Serialize)]
struct Document<'a> {
    issuer: &'a str,
    authorization_endpoint: String,
    token_endpoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    registration_endpoint: Option<String>,
    pushed_authorization_request_endpoint: String,
    revocation_endpoint: String,
    introspection_endpoint: String,
    jwks_uri: String,
    scopes_supported: &'a [&'a str],
    response_types_supported: &'a [&'a str],
    response_modes_supported: &'a [&'a str],
    grant_types_supported: &'a [&'a str],
    token_endpoint_auth_methods_supported: &'a [&'a str],
    token_endpoint_auth_signing_alg_values_supported: &'a [&'a str],
    revocation_endpoint_auth_methods_supported: &'a [&'a str],
    introspection_endpoint_auth_methods_supported: &'a [&'a str],
    code_challenge_methods_supported: &'a [&'a str],
    client_id_metadata_document_supported: bool,
    authorization_response_iss_parameter_supported: bool,
    require_pushed_authorization_requests: bool,
    request_uri_parameter_supported: bool,
    subject_types_supported: &'a [&'a str],
    id_token_signing_alg_values_supported: &'a [&'a str],
}

/// The document, as bytes that never change while the process runs. `registers`: clients may register themselves.
pub fn document(issuer: &Issuer, registers: bool) -> String {
    let document = Document {
        issuer: issuer.as_str(),
        authorization_endpoint: issuer.at(path::AUTHORIZE),
        token_endpoint: issuer.at(path::TOKEN),
        registration_endpoint: registers.then(|| issuer.at(path::REGISTER)),
        pushed_authorization_request_endpoint: issuer.at(path::PAR),
        revocation_endpoint: issuer.at(path::REVOKE),
        introspection_endpoint: issuer.at(path::INTROSPECT),
        jwks_uri: issuer.at(path::JWKS),
        // A server's own scopes stand in the server's metadata (RFC 9728).
        scopes_supported: &["offline_access"],
        response_types_supported: &["code"],
        response_modes_supported: &["query"],
        grant_types_supported: &["authorization_code", "refresh_token"],
        token_endpoint_auth_methods_supported: METHODS,
        token_endpoint_auth_signing_alg_values_supported: ALGORITHMS,
        revocation_endpoint_auth_methods_supported: METHODS,
        introspection_endpoint_auth_methods_supported: &[
            "client_secret_basic",
            "client_secret_post",
            "private_key_jwt",
        ],
        code_challenge_methods_supported: &["S256"],
        client_id_metadata_document_supported: true,
        authorization_response_iss_parameter_supported: true,
        require_pushed_authorization_requests: false,
        request_uri_parameter_supported: false,
        // OpenID Discovery requires these two; no id token is ever given.
        subject_types_supported: &["public"],
        id_token_signing_alg_values_supported: &["ES256"],
    };
    serde_json::to_string(&document).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn read(registers: bool) -> Value {
        let issuer = Issuer::of(&Url::parse("https://accounts.example.com").unwrap());
        serde_json::from_str(&document(&issuer, registers)).unwrap()
    }

    #[test]
    fn the_issuer_is_the_origin_without_a_slash() {
        let document = read(true);
        assert_eq!(document["issuer"], "https://accounts.example.com");
        for (name, value) in document.as_object().unwrap() {
            if name.ends_with("_endpoint") || name.ends_with("_uri") {
                assert!(value.as_str().unwrap().starts_with("https://accounts.example.com/oauth/"), "{name}");
            }
        }
    }

    /// What real clients look for before they go on (MCP authorization, RFC 9207 §2.3, RFC 7636 §4.2).
    #[test]
    fn clients_find_what_they_choose_their_way_by() {
        let document = read(true);
        let methods = document["token_endpoint_auth_methods_supported"].as_array().unwrap();
        assert!(methods.contains(&"none".into()) && methods.contains(&"private_key_jwt".into()));
        assert_eq!(document["client_id_metadata_document_supported"], true);
        assert_eq!(document["authorization_response_iss_parameter_supported"], true);
        assert_eq!(document["code_challenge_methods_supported"], serde_json::json!(["S256"]));
        assert!(document["scopes_supported"].as_array().unwrap().contains(&"offline_access".into()));
        assert!(document.get("registration_endpoint").is_some());
        assert!(read(false).get("registration_endpoint").is_none());
    }
}
