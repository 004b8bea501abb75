//! Access tokens of our own authorization server (RFC 9068: JWTs of the type `at+jwt`, ES256): what they say, how they are
//! signed, and what of one is judged by itself. Control signs them and nodes judge them; whether what a token names
//! still stands is the directory's to say, on every use.

#[cfg(test)]
mod tests;

use events::{GrantId, OrganizationId};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

/// The media type of the header's `typ` (RFC 9068 §2.1), without `application/`, which may stand before it.
const TYPE: &str = "at+jwt";
/// A token is at most this long, in bytes.
pub const MAX_BYTES: usize = 4_096;
/// Its issuer's clock may be this far ahead of ours, in seconds: as far as the gate lets clocks be apart.
const AHEAD: i64 = 10;
/// No token lives longer, in seconds, whatever it says.
const MAX_LIFETIME: i64 = 3_600;

/// What a token says (RFC 9068 §2.2). Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    pub iss: String,
    /// `user:<id>`, or `key:<id>` where the grant rests on a key.
    pub sub: String,
    /// The one resource that it is for (RFC 8707), as its metadata writes it. A list is refused: one token opens one server.
    pub aud: String,
    /// The client as OAuth knows it: the URL of its document, or an id.
    pub client_id: String,
    pub iat: i64,
    pub exp: i64,
    pub jti: String,
    /// Scope tokens separated by spaces (RFC 8693 §4.2).
    pub scope: String,
    pub grant: GrantId,
    pub organization: OrganizationId,
}

/// Signs tokens with one key.
pub struct Signer {
    key: EncodingKey,
    header: Header,
}

/// A token could not be signed.
#[derive(Debug, thiserror::Error)]
#[error("an access token could not be signed: {0}")]
pub struct SignError(#[from] jsonwebtoken::errors::Error);

/// What is wrong with a token by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Also where it is one of another kind: an id token, another issuer's, one that is signed with another algorithm.
    #[error("it is no access token of this gateway")]
    Foreign,
    #[error("no key of this gateway has signed it, or it was changed")]
    Signature,
    #[error("the token is not valid yet")]
    NotYetValid,
    #[error("the token has expired")]
    Expired,
}

impl Fault {
    /// Its name in metrics and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Foreign => "foreign_token",
            Self::Signature => "bad_signature",
            Self::NotYetValid => "not_yet_valid",
            Self::Expired => "expired",
        }
    }
}

impl Signer {
    /// `pkcs8`: a private key on P-256 (RFC 5958); `kid`: by what its public half is known.
    pub fn new(pkcs8: &[u8], kid: String) -> Self {
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(kid);
        Self { key: EncodingKey::from_ec_der(pkcs8), header }
    }

    pub fn sign(&self, claims: &Claims) -> Result<String, SignError> {
        Ok(jsonwebtoken::encode(&self.header, claims, &self.key)?)
    }
}

/// The public key with these coordinates on P-256, big-endian (RFC 7518 §6.2.1).
pub fn public_key(x: &[u8; 32], y: &[u8; 32]) -> DecodingKey {
    // A point, uncompressed (SEC 1 §2.3.3).
    DecodingKey::from_ec_der(&[&[4], x.as_slice(), y].concat())
}

/// Whether the text has the form of a JWT: three parts, none of them empty (RFC 7515 §7.1). No key has a dot.
pub fn is_jwt(text: &str) -> bool {
    let mut parts = text.split('.');
    let full = |part: Option<&str>| part.is_some_and(|part| !part.is_empty());
    full(parts.next()) && full(parts.next()) && full(parts.next()) && parts.next().is_none()
}

/// What is signed by us and has not these claims is of another time.
fn told(error: jsonwebtoken::errors::Error) -> Fault {
    if matches!(error.kind(), ErrorKind::Json(_)) { Fault::Foreign } else { Fault::Signature }
}

/// Judges a token by its signature and its times (RFC 9068 §4). The header names a key of ours or none: an address or a
/// key in it (`jku`, `x5u`, `jwk`) is not looked at.
///
/// `now`: seconds since 1970; `key`: the public key of that `kid`.
pub fn judge(
    text: &str,
    issuer: &str,
    now: i64,
    key: impl FnOnce(&str) -> Option<DecodingKey>,
) -> Result<Claims, Fault> {
    if text.len() > MAX_BYTES || !is_jwt(text) {
        return Err(Fault::Foreign);
    }
    let header = jsonwebtoken::decode_header(text).map_err(|_| Fault::Foreign)?;
    let named = header.typ.as_deref().unwrap_or_default();
    let kind = named.get(.."application/".len()).filter(|start| start.eq_ignore_ascii_case("application/"));
    let kind = kind.map_or(named, |start| &named[start.len()..]);
    if header.alg != Algorithm::ES256 || !kind.eq_ignore_ascii_case(TYPE) || header.crit.is_some() {
        return Err(Fault::Foreign);
    }
    let key = header.kid.as_deref().and_then(key).ok_or(Fault::Signature)?;
    // Times are judged below, by the clock that is handed in, and the audience by whoever knows what is called.
    let mut rules = Validation::new(Algorithm::ES256);
    rules.validate_exp = false;
    rules.validate_aud = false;
    rules.required_spec_claims.clear();
    let claims = jsonwebtoken::decode::<Claims>(text, &key, &rules).map_err(told)?.claims;
    if claims.iss != issuer {
        return Err(Fault::Foreign);
    }
    if claims.iat > now.saturating_add(AHEAD) {
        return Err(Fault::NotYetValid);
    }
    if claims.exp <= now || claims.exp.saturating_sub(claims.iat) > MAX_LIFETIME {
        return Err(Fault::Expired);
    }
    Ok(claims)
}
