//! How the gateway shows an issuer who it is (OpenID Connect Core 1.0 §9): not at all, by a secret, or by a token that the
//! private key of a certificate signs (RFC 7523 §2.2).

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use events::Timestamp;
use events::clock::Random;
use events::issuer::{Authentication, CredentialKind, Protocol};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use projections::directory::IssuerEntry;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde::Serialize;
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize};
use x509_parser::prelude::{FromDer, X509Certificate};
use zeroize::Zeroizing;

use super::discovery::Provider;
use super::web::WebError;
use crate::vault::IssuerCredential;

/// A client secret is at most so long, in bytes; PEM may be longer.
const LONGEST_SECRET: usize = 1_024;
const LONGEST_PEM: usize = 32 * 1024;
/// How long an assertion counts, in seconds.
const ASSERTION_LASTS: i64 = 300;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Why a credential can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    #[error("it has no credential, and `{0}` needs one: set it with `issuers credential`")]
    Missing(&'static str),
    #[error("its credential is a {}, and `{method}` needs a {}", .kind.as_str(), .needed.as_str())]
    OtherKind { kind: CredentialKind, needed: CredentialKind, method: &'static str },
    #[error("a secret is 1 to {LONGEST_SECRET} printable ASCII characters")]
    Secret,
    #[error("the PEM holds no certificate that can be read")]
    NoCertificate,
    #[error(
        "the PEM holds no private key that can be used: RSA, or EC on P-256 or P-384, without a passphrase"
    )]
    NoKey,
    #[error("the private key is not the certificate's")]
    OtherKey,
}

/// A private key with its certificate.
pub struct Certified {
    key: EncodingKey,
    algorithm: Algorithm,
    /// SHA-256 of the certificate, in base64url: the header `x5t#S256` (RFC 7515 §4.1.8).
    thumbprint: String,
}

impl Certified {
    /// Of PEM that holds both, in any order.
    pub fn of(pem: &str) -> Result<Self, CredentialError> {
        if pem.len() > LONGEST_PEM {
            return Err(CredentialError::NoCertificate);
        }
        let der =
            CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| CredentialError::NoCertificate)?;
        let (_, certificate) = X509Certificate::from_der(&der).map_err(|_| CredentialError::NoCertificate)?;
        let public = &certificate.public_key().subject_public_key.data;
        let private = Zeroizing::new(private_block(pem).ok_or(CredentialError::NoKey)?);
        let candidates = [
            (
                EncodingKey::from_rsa_pem(private.as_bytes()),
                DecodingKey::from_rsa_der(public),
                Algorithm::RS256,
            ),
            (
                EncodingKey::from_ec_pem(private.as_bytes()),
                DecodingKey::from_ec_der(public),
                Algorithm::ES256,
            ),
            (
                EncodingKey::from_ec_pem(private.as_bytes()),
                DecodingKey::from_ec_der(public),
                Algorithm::ES384,
            ),
        ];
        let (mut is_one, message) = (false, b"keyledger");
        for (key, public, algorithm) in candidates {
            let Ok(key) = key else { continue };
            let Ok(signature) = jsonwebtoken::crypto::sign(message, &key, algorithm) else { continue };
            is_one = true;
            if let Ok(true) = jsonwebtoken::crypto::verify(&signature, message, &public, algorithm) {
                let thumbprint = URL_SAFE_NO_PAD.encode(digest(&SHA256, &der));
                return Ok(Self { key, algorithm, thumbprint });
            }
        }
        Err(if is_one { CredentialError::OtherKey } else { CredentialError::NoKey })
    }

    /// SHA-256 of the certificate, in base64url.
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }
}

impl fmt::Debug for Certified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certified").field("thumbprint", &self.thumbprint).finish_non_exhaustive()
    }
}

/// The one private key of a PEM text.
fn private_block(pem: &str) -> Option<String> {
    let begin = pem.match_indices("-----BEGIN ").map(|(at, _)| at);
    let mut keys = begin.filter_map(|at| {
        let block = pem.get(at..)?;
        let label = block.lines().next()?;
        if !label.trim_end().ends_with("PRIVATE KEY-----") {
            return None;
        }
        let end = format!("-----END {}", label.trim_end().strip_prefix("-----BEGIN ")?);
        let length = block.find(&end)? + end.len();
        block.get(..length).map(|block| format!("{block}\n"))
    });
    let only = keys.next()?;
    keys.next().is_none().then_some(only)
}

/// A secret that a form and a header can hold.
pub fn check_secret(secret: &str) -> Result<(), CredentialError> {
    let good = (1..=LONGEST_SECRET).contains(&secret.len())
        && secret.bytes().all(|byte| (0x20..=0x7e).contains(&byte));
    if good { Ok(()) } else { Err(CredentialError::Secret) }
}

/// The gateway as an issuer's client, at one moment.
pub(super) struct Client {
    id: String,
    redirect: String,
    shows: Shows,
}

enum Shows {
    Nothing,
    Basic(Zeroizing<String>),
    Post(Zeroizing<String>),
    Assertion { certified: Box<Certified>, entra: bool, now: i64, id: String },
}

/// RFC 7523 §3.
#[derive(Serialize)]
struct Assertion<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    jti: &'a str,
    iat: i64,
    nbf: i64,
    exp: i64,
}

impl Client {
    pub fn of(
        entry: &IssuerEntry,
        redirect: &Url,
        credential: Option<&IssuerCredential>,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<Self, CredentialError> {
        let (settings, method) = (&entry.settings, entry.settings.authentication);
        let needed = method.needs();
        let secret = match (needed, entry.credential, credential) {
            (None, _, _) => None,
            (Some(needed), Some((_, kind)), Some(secret)) if needed == kind => Some(secret.expose()),
            (Some(needed), Some((_, kind)), Some(_)) if needed != kind => {
                return Err(CredentialError::OtherKind { kind, needed, method: method.as_str() });
            }
            (Some(_), _, _) => return Err(CredentialError::Missing(method.as_str())),
        };
        let secret = secret.unwrap_or_default();
        let shows = match method {
            Authentication::None => Shows::Nothing,
            Authentication::ClientSecretBasic => Shows::Basic(Zeroizing::new(secret.to_owned())),
            Authentication::ClientSecretPost => Shows::Post(Zeroizing::new(secret.to_owned())),
            Authentication::PrivateKeyJwt => {
                let mut id = [0; 16];
                random.fill(&mut id);
                Shows::Assertion {
                    certified: Box::new(Certified::of(secret)?),
                    entra: matches!(settings.protocol, Protocol::Entra { .. }),
                    now: now.unix_millis().div_euclid(1_000),
                    id: URL_SAFE_NO_PAD.encode(id),
                }
            }
        };
        Ok(Self { id: settings.client_id.to_string(), redirect: redirect.to_string(), shows })
    }

    pub fn redirect(&self) -> &str {
        &self.redirect
    }

    /// Adds to a form what shows who we are; what is returned stands in the header `Authorization`.
    pub fn authenticate(
        &self,
        form: &mut Serializer<'_, String>,
        provider: &Provider,
    ) -> Result<Option<Zeroizing<String>>, WebError> {
        match &self.shows {
            Shows::Basic(secret) => return Ok(Some(basic(&self.id, secret))),
            Shows::Nothing => {}
            Shows::Post(secret) => {
                form.append_pair("client_secret", secret);
            }
            Shows::Assertion { certified, entra, now, id } => {
                let assertion = self.assertion(certified, *entra, *now, id, provider);
                let assertion = assertion.map_err(|error| WebError::Unreachable(error.to_string()))?;
                form.append_pair("client_assertion_type", ASSERTION_TYPE)
                    .append_pair("client_assertion", &assertion);
            }
        }
        form.append_pair("client_id", &self.id);
        Ok(None)
    }

    fn assertion(
        &self,
        certified: &Certified,
        entra: bool,
        now: i64,
        id: &str,
        provider: &Provider,
    ) -> Result<Zeroizing<String>, jsonwebtoken::errors::Error> {
        // Entra ID asks for PSS with an RSA key; others know PKCS #1 best.
        let is_pss = entra && certified.algorithm == Algorithm::RS256;
        let algorithm = if is_pss { Algorithm::PS256 } else { certified.algorithm };
        let mut header = Header::new(algorithm);
        header.x5t_s256 = Some(certified.thumbprint.clone());
        if !entra {
            header.kid = Some(certified.thumbprint.clone());
        }
        let claims = Assertion {
            iss: &self.id,
            sub: &self.id,
            aud: provider.token.as_str(),
            jti: id,
            iat: now,
            nbf: now,
            exp: now + ASSERTION_LASTS,
        };
        jsonwebtoken::encode(&header, &claims, &certified.key).map(Zeroizing::new)
    }
}

/// RFC 6749 §2.3.1: both are form-encoded first.
fn basic(id: &str, secret: &str) -> Zeroizing<String> {
    let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let pair = Zeroizing::new(format!("{}:{}", encoded(id), encoded(secret)));
    Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())))
}
