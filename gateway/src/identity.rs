//! Who calls, told to the upstream: a short-lived token that the gateway signs with a key of its own.
//!
//! The upstream checks it against `/.well-known/jwks.json`: `typ` is `kl-identity+jwt`, `iss` the gateway's
//! public URL, `aud` `urn:keyledger:server:{id}` (never the upstream's URL, which another tenant may register
//! as well). The gateway accepts no such token itself: it knows no other credential than keys.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;

use crate::vault::{IdentityKey, Ring};

/// Signs identity tokens (EdDSA, RFC 8037).
pub struct IdentitySigner {
    key: EncodingKey,
    header: Header,
    issuer: String,
    jwks: String,
}

/// What a token says (RFC 7519 §4.1; `scope`: RFC 8693 §4.2). Times are seconds since 1970.
#[derive(Debug, Clone, Serialize)]
pub struct Claims<'a> {
    pub iss: &'a str,
    /// `organization:<id>`, `user:<id>` or `service:<id>`.
    pub sub: &'a str,
    pub aud: &'a str,
    pub iat: i64,
    pub exp: i64,
    pub organization: &'a str,
    /// Of who calls by a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<&'a str>,
    /// Of who calls by a grant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<&'a str>,
    /// The client that was granted it (RFC 8693 §4.3): the URL of its document, or an id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<&'a str>,
    /// The caller's scopes on this server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<&'a str>,
    /// They were too long to be told.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub scope_omitted: bool,
}

/// A token could not be signed.
#[derive(Debug, thiserror::Error)]
#[error("an identity token could not be signed: {0}")]
pub struct IdentityError(#[from] jsonwebtoken::errors::Error);

impl IdentitySigner {
    /// The first of these keys signs, all are told. `issuer`: the gateway's public URL.
    pub fn new(identity: &Ring<IdentityKey>, issuer: &str) -> Self {
        let signs = identity.first();
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some("kl-identity+jwt".to_owned());
        header.kid = Some(signs.kid());
        // RFC 7517 and RFC 8037 §2.
        let public = |key: &IdentityKey| {
            serde_json::json!({
                "kty": "OKP",
                "crv": "Ed25519",
                "alg": "EdDSA",
                "use": "sig",
                "kid": key.kid(),
                "x": URL_SAFE_NO_PAD.encode(key.public_key()),
            })
        };
        let jwks = serde_json::json!({ "keys": identity.iter().map(public).collect::<Vec<_>>() });
        Self {
            key: EncodingKey::from_ed_der(signs.pkcs8()),
            header,
            issuer: issuer.to_owned(),
            jwks: jwks.to_string(),
        }
    }

    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    pub fn sign(&self, claims: &Claims<'_>) -> Result<String, IdentityError> {
        Ok(jsonwebtoken::encode(&self.header, claims, &self.key)?)
    }

    /// The public keys as a JWK set (RFC 7517 §5), in JSON.
    pub fn jwks(&self) -> &str {
        &self.jwks
    }
}
