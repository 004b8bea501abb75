//! The one validator of what a client says of itself: in its metadata document (draft-ietf-oauth-client-id-metadata-document)
//! and in its registration (RFC 7591 §2).
//!
//! What we don't know is left out and refused to nobody: other grants, other members. What we rest on is judged whole.

use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, JwkSet};
use serde::Deserialize;
use url::Url;

use super::client_id::DocumentUrl;
use super::error::{Code, OauthError};
use super::presets::Presets;
use super::redirect::RedirectUri;
use crate::unseen;

/// What we keep of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientMetadata {
    /// What it calls itself: a claim.
    pub name: Option<String>,
    pub redirect_uris: Vec<RedirectUri>,
    pub authentication: Authentication,
    /// Whether it asked for refresh tokens.
    pub refreshes: bool,
}

/// How a client shows at the token endpoint who it is (RFC 7591 §2, `token_endpoint_auth_method`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Authentication {
    /// By nothing but PKCE.
    None,
    Secret {
        method: SecretMethod,
    },
    /// RFC 7523. `or_none`: it also comes without an assertion; one that is presented is always judged.
    PrivateKey {
        keys: ClientKeys,
        algorithm: Option<AssertionAlgorithm>,
        or_none: bool,
    },
}

impl Authentication {
    /// Its registered name.
    pub fn method(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Secret { method } => method.as_str(),
            Self::PrivateKey { .. } => "private_key_jwt",
        }
    }
}

events::named! {
    /// Where a request has the secret (RFC 6749 §2.3.1).
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
    pub enum SecretMethod {
        Basic = "client_secret_basic",
        Post = "client_secret_post",
    }
}

/// Where the keys are that its assertions are signed with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ClientKeys {
    /// Fetched under the guard.
    At(Url),
    Given(JwkSet),
}

events::named! {
    /// What an assertion may be signed with.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
    pub enum AssertionAlgorithm {
        Rs256 = "RS256",
        Es256 = "ES256",
    }
}

/// What of it can't be taken, and what is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataFault {
    /// The member that says it.
    pub field: &'static str,
    pub problem: String,
}

impl std::fmt::Display for MetadataFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.problem)
    }
}

impl std::error::Error for MetadataFault {}

/// RFC 7591 §3.2.2.
impl From<MetadataFault> for OauthError {
    fn from(fault: MetadataFault) -> Self {
        let of_redirects = fault.field == REDIRECTS;
        let code = if of_redirects { Code::InvalidRedirectUri } else { Code::InvalidClientMetadata };
        Self::new(code, fault)
    }
}

/// Who says it.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// A document at the client's own address, which vouches for it.
    Document(&'a DocumentUrl),
    /// Somebody at the registration endpoint.
    Registration,
    /// An operator, or an organization's admin.
    Given,
}

/// A document or a registration is at most so long, in bytes.
pub const MAX_BYTES: usize = 32 * 1_024;
const MOST_REDIRECTS: usize = 32;
const LONGEST_NAME: usize = 200;
const MOST_KEYS: usize = 16;

const REDIRECTS: &str = "redirect_uris";
const METHOD: &str = "token_endpoint_auth_method";

/// The members that we read. Texts of the others may be anything.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said {
    client_id: Option<String>,
    client_name: Option<String>,
    redirect_uris: Option<Vec<String>>,
    grant_types: Option<Vec<String>>,
    response_types: Option<Vec<String>>,
    token_endpoint_auth_method: Option<String>,
    /// Not registered with IANA: ChatGPT's document says so that it also comes without an assertion.
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    token_endpoint_auth_signing_alg: Option<String>,
    jwks_uri: Option<String>,
    jwks: Option<serde_json::Value>,
    client_secret: Option<serde_json::Value>,
}

impl ClientMetadata {
    /// Judges JSON.
    pub fn parse(json: &[u8], source: Source<'_>, presets: &Presets) -> Result<Self, MetadataFault> {
        if json.len() > MAX_BYTES {
            return Err(refuse("metadata", format!("the metadata is longer than {MAX_BYTES} bytes")));
        }
        let said: Said = crate::problem::body::parse(json).map_err(|fault| refuse("metadata", fault))?;
        if let Source::Document(url) = source {
            said.check_document(url)?;
        }
        said.check_flow()?;
        Ok(Self {
            redirect_uris: said.redirect_uris(source, presets)?,
            authentication: said.authentication(source)?,
            refreshes: said.grant_types.iter().flatten().any(|grant| grant == "refresh_token"),
            name: said.name()?,
        })
    }

    /// Whether one of its addresses admits this one.
    pub fn admits(&self, asked: &RedirectUri) -> bool {
        self.redirect_uris.iter().any(|registered| registered.admits(asked))
    }

    /// What we keep of it, as RFC 7591 §3.2.1 answers it.
    pub fn json(&self) -> serde_json::Value {
        let redirects: Vec<_> = self.redirect_uris.iter().map(RedirectUri::as_str).collect();
        let grants: &[&str] =
            if self.refreshes { &["authorization_code", "refresh_token"] } else { &["authorization_code"] };
        let mut json = serde_json::json!({
            "redirect_uris": redirects,
            "grant_types": grants,
            "response_types": ["code"],
            "token_endpoint_auth_method": self.authentication.method(),
        });
        if let Some(name) = &self.name {
            json["client_name"] = name.as_str().into();
        }
        if let Authentication::PrivateKey { keys, algorithm, or_none } = &self.authentication {
            match keys {
                ClientKeys::At(uri) => json["jwks_uri"] = uri.as_str().into(),
                ClientKeys::Given(keys) => json["jwks"] = serde_json::json!(keys),
            }
            if let Some(algorithm) = algorithm {
                json["token_endpoint_auth_signing_alg"] = algorithm.as_str().into();
            }
            if *or_none {
                json["token_endpoint_auth_methods_supported"] =
                    serde_json::json!(["private_key_jwt", "none"]);
            }
        }
        json
    }
}

impl Said {
    /// Draft §4.1: the document names itself, and holds no secret that is shared.
    fn check_document(&self, url: &DocumentUrl) -> Result<(), MetadataFault> {
        if self.client_id.as_deref() != Some(url.as_str()) {
            return Err(refuse(
                "client_id",
                "`client_id` in the document is not the URL that it was fetched from",
            ));
        }
        if self.client_name.is_none() {
            return Err(refuse("client_name", "`client_name` is missing in the document"));
        }
        if self.client_secret.is_some() {
            return Err(refuse("client_secret", "a document is public and can't hold a `client_secret`"));
        }
        Ok(())
    }

    fn check_flow(&self) -> Result<(), MetadataFault> {
        let lacks = |list: &Option<Vec<String>>, wanted: &str| {
            list.as_ref().is_some_and(|list| !list.is_empty() && !list.iter().any(|one| one == wanted))
        };
        if lacks(&self.grant_types, "authorization_code") {
            return Err(refuse(
                "grant_types",
                "`grant_types` must have authorization_code: it is how people sign in here",
            ));
        }
        if lacks(&self.response_types, "code") {
            return Err(refuse("response_types", "`response_types` must have code"));
        }
        Ok(())
    }

    fn redirect_uris(
        &self,
        source: Source<'_>,
        presets: &Presets,
    ) -> Result<Vec<RedirectUri>, MetadataFault> {
        let said = self.redirect_uris.as_deref().unwrap_or_default();
        let wrong = |problem: String| refuse(REDIRECTS, problem);
        if said.is_empty() || said.len() > MOST_REDIRECTS {
            return Err(wrong(format!("`redirect_uris` holds 1 to {MOST_REDIRECTS} addresses")));
        }
        let private = presets.private();
        let judge = |text: &String| {
            let uri = RedirectUri::parse(text, &private)
                .map_err(|fault| wrong(format!("{text}: {fault}{WHERE}")))?;
            let may = match source {
                // Whoever holds the document's host says where its answers go; people are shown both.
                Source::Document(_) | Source::Given => true,
                Source::Registration => uri.is_loopback() || presets.allowed().names(text),
            };
            if may {
                Ok(uri)
            } else {
                Err(wrong(format!(
                    "{text} is not among the addresses that a client may register by itself{WHERE}"
                )))
            }
        };
        said.iter().map(judge).collect()
    }

    fn authentication(&self, source: Source<'_>) -> Result<Authentication, MetadataFault> {
        let also = |method: &str| {
            self.token_endpoint_auth_methods_supported.iter().flatten().any(|other| other == method)
        };
        let method = self.token_endpoint_auth_method.as_deref();
        match (method, source) {
            (Some("none"), _) | (None, Source::Document(_)) => Ok(Authentication::None),
            (Some("private_key_jwt"), _) => Ok(Authentication::PrivateKey {
                keys: self.keys()?,
                algorithm: self.algorithm()?,
                or_none: also("none"),
            }),
            // RFC 7591 §2: what is left out is client_secret_basic.
            (None | Some("client_secret_basic"), Source::Registration | Source::Given) => {
                Ok(Authentication::Secret { method: SecretMethod::Basic })
            }
            (Some("client_secret_post"), Source::Registration | Source::Given) => {
                Ok(Authentication::Secret { method: SecretMethod::Post })
            }
            (Some(_), _) if also("none") => Ok(Authentication::None),
            (Some(other), Source::Document(_)) => Err(refuse(
                METHOD,
                format!(
                    "`token_endpoint_auth_method` {other}: a document's client uses none or private_key_jwt"
                ),
            )),
            (Some(other), Source::Registration | Source::Given) => Err(refuse(
                METHOD,
                format!(
                    "`token_endpoint_auth_method` {other}: use none, private_key_jwt, client_secret_basic or client_secret_post"
                ),
            )),
        }
    }

    fn keys(&self) -> Result<ClientKeys, MetadataFault> {
        match (&self.jwks_uri, &self.jwks) {
            (Some(_), Some(_)) => {
                Err(refuse("jwks_uri", "`jwks_uri` and `jwks` exclude each other (RFC 7591 §2)"))
            }
            (Some(uri), None) => DocumentUrl::parse(uri, true)
                .map(|uri| ClientKeys::At(uri.url().clone()))
                .map_err(|fault| refuse("jwks_uri", format!("`jwks_uri`: {fault}"))),
            (None, Some(keys)) => {
                let keys: JwkSet = serde_json::from_value(keys.clone()).map_err(|_| {
                    refuse("jwks", "`jwks` is no JWK set (RFC 7517 §5) of public keys that we can read")
                })?;
                if keys.keys.is_empty() || keys.keys.len() > MOST_KEYS {
                    return Err(refuse("jwks", format!("`jwks` holds 1 to {MOST_KEYS} keys")));
                }
                // One that is shared proves nothing of who has it.
                let shared = |key: &Jwk| matches!(key.algorithm, AlgorithmParameters::OctetKey(_));
                if keys.keys.iter().any(shared) {
                    return Err(refuse(
                        "jwks",
                        "`jwks` holds public keys: RSA for RS256, EC P-256 for ES256",
                    ));
                }
                Ok(ClientKeys::Given(keys))
            }
            (None, None) => Err(refuse("jwks", "private_key_jwt needs `jwks_uri` or `jwks`")),
        }
    }

    fn algorithm(&self) -> Result<Option<AssertionAlgorithm>, MetadataFault> {
        let Some(said) = &self.token_endpoint_auth_signing_alg else { return Ok(None) };
        let known = AssertionAlgorithm::ALL.into_iter().find(|known| known.as_str() == said);
        known.map(Some).ok_or_else(|| {
            refuse("token_endpoint_auth_signing_alg", "`token_endpoint_auth_signing_alg` is RS256 or ES256")
        })
    }

    fn name(&self) -> Result<Option<String>, MetadataFault> {
        let Some(name) = self.client_name.as_deref().map(str::trim).filter(|name| !name.is_empty()) else {
            return Ok(None);
        };
        if name.chars().count() > LONGEST_NAME {
            return Err(refuse(
                "client_name",
                format!("`client_name` is longer than {LONGEST_NAME} characters"),
            ));
        }
        Ok(Some(unseen::one_line(name)))
    }
}

const WHERE: &str = "; an operator allows more by `oauth.redirects`";

fn refuse(field: &'static str, problem: impl std::fmt::Display) -> MetadataFault {
    MetadataFault { field, problem: problem.to_string() }
}

#[cfg(test)]
mod tests;
