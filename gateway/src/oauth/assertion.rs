//! A client's own proof at the token endpoint: a JWT that it signed (RFC 7523 §3, OpenID Connect Core §9 `private_key_jwt`).
//! One that is presented is judged and never set aside.

use events::Timestamp;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;

use super::client_metadata::AssertionAlgorithm;

/// RFC 7523 §2.2.
pub const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// An assertion is at most so long, in bytes.
const LONGEST: usize = 8 * 1_024;
/// It ends at most so long after now: so long its id is remembered.
pub const LONGEST_LIFE: i64 = 3_600;
/// Clocks may be apart by so much, in seconds.
const SKEW: i64 = 60;
const LONGEST_ID: usize = 256;

/// Why it proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssertionFault {
    #[error("it is no JWT signed with RS256 or ES256, or with the algorithm that the client has registered")]
    Form,
    #[error("none of the client's keys is the one that it names")]
    UnknownKey,
    #[error("its signature is wrong")]
    Signature,
    #[error("`iss` and `sub` must be the client's id")]
    Client,
    #[error("`aud` must be this server's issuer or its token endpoint")]
    Audience,
    #[error("it has expired, begins later, or ends more than an hour from now (`exp`, `nbf`, `iat`)")]
    Time,
    #[error("`jti` is missing, or longer than {LONGEST_ID} bytes")]
    Id,
}

/// A proof that was judged, but for its being the first of its id.
#[derive(Debug, PartialEq, Eq)]
pub struct Assertion {
    pub id: String,
    /// In seconds since 1970.
    pub expires_at: i64,
}

/// What is said of the client before its keys are known.
#[derive(Debug, PartialEq, Eq)]
pub struct Claimed {
    pub client: String,
    pub key: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: i64,
    nbf: Option<i64>,
    iat: Option<i64>,
    jti: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// What it is judged against.
pub struct Expected<'a> {
    pub client: &'a str,
    pub keys: &'a JwkSet,
    pub algorithm: Option<AssertionAlgorithm>,
    /// Any of these is us.
    pub audiences: &'a [&'a str],
    pub now: Timestamp,
}

/// Whose it says it is, unproved: for finding the client's keys (RFC 7521 §4.2 lets `client_id` be left out).
pub fn claimed(token: &str) -> Result<Claimed, AssertionFault> {
    #[derive(Deserialize)]
    struct Subject {
        sub: String,
    }
    let header = header(token)?;
    let claims =
        jsonwebtoken::dangerous::insecure_decode::<Subject>(token).map_err(|_| AssertionFault::Form)?;
    Ok(Claimed { client: claims.claims.sub, key: header.kid })
}

/// Judges it. That its id comes for the first time is the caller's to see to.
pub fn judge(token: &str, expected: &Expected<'_>) -> Result<Assertion, AssertionFault> {
    let header = header(token)?;
    let algorithm = match (header.alg, expected.algorithm) {
        (Algorithm::RS256, None | Some(AssertionAlgorithm::Rs256)) => Algorithm::RS256,
        (Algorithm::ES256, None | Some(AssertionAlgorithm::Es256)) => Algorithm::ES256,
        _ => return Err(AssertionFault::Form),
    };
    // The keys are the client's published ones: what a header brings along (`jwk`, `jku`, `x5u`) is not looked at.
    let mut keys =
        expected.keys.keys.iter().filter(|key| fits(key, algorithm, header.kid.as_deref())).peekable();
    if keys.peek().is_none() {
        return Err(AssertionFault::UnknownKey);
    }
    // Time is ours to say, not the library's.
    let mut validation = Validation::new(algorithm);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let claims = keys.find_map(|key| {
        let key = DecodingKey::from_jwk(key).ok()?;
        Some(decode::<Claims>(token, &key, &validation).ok()?.claims)
    });
    let claims = claims.ok_or(AssertionFault::Signature)?;
    if claims.iss != expected.client || claims.sub != expected.client {
        return Err(AssertionFault::Client);
    }
    let is_us = |audience: &String| expected.audiences.contains(&audience.as_str());
    let is_for_us = match &claims.aud {
        Audience::One(audience) => is_us(audience),
        Audience::Many(audiences) => audiences.iter().any(is_us),
    };
    if !is_for_us {
        return Err(AssertionFault::Audience);
    }
    let now = expected.now.unix_seconds();
    let begins = claims.nbf.into_iter().chain(claims.iat).max();
    if claims.exp <= now.saturating_sub(SKEW)
        || claims.exp > now.saturating_add(LONGEST_LIFE)
        || begins.is_some_and(|begins| begins > now.saturating_add(SKEW))
    {
        return Err(AssertionFault::Time);
    }
    let id = claims.jti.filter(|id| (1..=LONGEST_ID).contains(&id.len())).ok_or(AssertionFault::Id)?;
    Ok(Assertion { id, expires_at: claims.exp })
}

fn header(token: &str) -> Result<jsonwebtoken::Header, AssertionFault> {
    if token.len() > LONGEST {
        return Err(AssertionFault::Form);
    }
    let header = decode_header(token).map_err(|_| AssertionFault::Form)?;
    // RFC 7515 §4.1.11: what is critical there must be understood, and nothing is.
    if header.crit.is_some() { Err(AssertionFault::Form) } else { Ok(header) }
}

/// Whether a key may have signed with this algorithm: of its family, for signatures, and the one that is named.
fn fits(key: &Jwk, algorithm: Algorithm, id: Option<&str>) -> bool {
    let is_family = match (&key.algorithm, algorithm) {
        (AlgorithmParameters::RSA(_), Algorithm::RS256) => true,
        (AlgorithmParameters::EllipticCurve(curve), Algorithm::ES256) => curve.curve == EllipticCurve::P256,
        _ => false,
    };
    let is_for_signatures =
        key.common.public_key_use.as_ref().is_none_or(|used| *used == PublicKeyUse::Signature);
    let is_named = id.is_none_or(|id| key.common.key_id.as_deref().is_none_or(|own| own == id));
    is_family && is_for_signatures && is_named
}

#[cfg(test)]
mod tests;
