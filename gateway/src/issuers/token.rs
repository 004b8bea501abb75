//! Whether an id token counts (OpenID Connect Core 1.0 §3.1.3.7). Pure: token, keys, settings, nonce and time decide.
//!
//! The algorithm is one of those that the issuer was registered with, and the key of a kind that it is for; no shared
//! secret verifies anything. What the token's header points to or carries (`jku`, `x5u`, `jwk`, `x5c`) is never looked at.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::issuer::{Algorithm, IssuerSettings, Protocol};
use events::{TenantId, Timestamp};
use serde_json::{Map, Value};
use subtle::ConstantTimeEq;

use super::discovery::Provider;
use super::entra::{self, EntraError};
use super::keys::{KeySet, named};

/// What a token is judged by.
pub struct Expected<'a> {
    pub settings: &'a IssuerSettings,
    pub provider: &'a Provider,
    pub keys: &'a KeySet,
    /// Of the sign-in that asked for it.
    pub nonce: &'a str,
    pub now: Timestamp,
}

/// What a good token says.
#[derive(Debug, Clone)]
pub struct Claims {
    pub all: Map<String, Value>,
    /// At Entra ID.
    pub tenant: Option<TenantId>,
    /// The person, among the issuer's (and its tenant's).
    pub subject: String,
}

/// Why a token does not count. Nothing of the token is told but what somebody needs to mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("the id token is none: {0}")]
    Form(&'static str),
    #[error("the id token is signed by `{0}`, which this issuer was not registered with")]
    Algorithm(String),
    #[error("the id token has critical headers, of which none is known here")]
    Critical,
    /// Perhaps a new one.
    #[error("the id token is signed by a key that the issuer does not publish")]
    UnknownKey,
    #[error("the id token's signature is not its issuer's")]
    Signature,
    #[error("the id token is of the issuer `{0}`")]
    Issuer(String),
    #[error("the id token is for `{0}`, and not for the client id that is registered here")]
    Audience(String),
    #[error("the id token is for several, and says of another one that it was given to it")]
    AuthorizedParty,
    #[error("the id token has expired; compare the clocks")]
    Expired,
    #[error("the id token is not valid yet; compare the clocks")]
    NotYet,
    #[error("the id token lacks `{0}`")]
    Missing(&'static str),
    #[error("the id token was not asked for by this sign-in")]
    Nonce,
    #[error(transparent)]
    Entra(#[from] EntraError),
}

/// How far an issuer's clock and ours may be apart, in seconds.
const LEEWAY: i64 = 60;
/// An id token's length, in bytes.
const LONGEST: usize = 64 * 1024;

/// The claims of a token that counts.
pub fn judge(token: &str, expected: &Expected<'_>) -> Result<Claims, TokenError> {
    if token.len() > LONGEST {
        return Err(TokenError::Form("it is too long"));
    }
    let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Form("it has no three parts"))?;
    let (header, payload) = message.split_once('.').ok_or(TokenError::Form("it has no three parts"))?;
    let (header, claims) = (object(header)?, object(payload)?);
    let algorithm = algorithm(&header, expected.settings)?;
    let id = match header.get("kid") {
        None => None,
        Some(Value::String(id)) => Some(id.as_str()),
        Some(_) => return Err(TokenError::Form("its `kid` is no text")),
    };
    // Whose key it must be is the token's to say, and judged below: a lie finds no key, or not the right issuer.
    let tenant = tenant_said(&claims, expected.settings);
    let issuer = claims.get("iss").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut candidates =
        expected.keys.candidates(id, algorithm, tenant.map(|tenant| (issuer.as_str(), tenant))).peekable();
    if candidates.peek().is_none() {
        return Err(TokenError::UnknownKey);
    }
    let message = message.as_bytes();
    let good = candidates.any(|key| {
        matches!(jsonwebtoken::crypto::verify(signature, message, key, named(algorithm)), Ok(true))
    });
    if !good {
        return Err(TokenError::Signature);
    }
    is_for_us(&claims, expected.settings)?;
    is_of_this_time(&claims, expected.now)?;
    is_of_this_sign_in(&claims, expected.nonce)?;
    let (tenant, subject) = subject(&claims, expected)?;
    Ok(Claims { all: claims, tenant, subject })
}

fn object(part: &str) -> Result<Map<String, Value>, TokenError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Form("a part is no base64url"))?;
    serde_json::from_slice(&bytes).map_err(|_| TokenError::Form("a part is no JSON object"))
}

/// RFC 7515 §4.1: an algorithm of the issuer's, and nothing that must be understood.
fn algorithm(header: &Map<String, Value>, settings: &IssuerSettings) -> Result<Algorithm, TokenError> {
    if header.contains_key("crit") {
        return Err(TokenError::Critical);
    }
    let typ = header.get("typ").map(|typ| typ.as_str().unwrap_or_default());
    if typ.is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT")) {
        return Err(TokenError::Form("it is a token of another type"));
    }
    let said = header.get("alg").and_then(Value::as_str).unwrap_or_default();
    let found = settings.algorithms.iter().find(|algorithm| algorithm.as_str() == said);
    found.copied().ok_or_else(|| TokenError::Algorithm(said.chars().take(32).collect()))
}

fn tenant_said(claims: &Map<String, Value>, settings: &IssuerSettings) -> Option<TenantId> {
    match settings.protocol {
        Protocol::OpenId { .. } => None,
        Protocol::Entra { .. } => claims.get("tid")?.as_str()?.parse().ok(),
    }
}

/// The audience is our client id; where there are several, the token was given to us (`azp`).
fn is_for_us(claims: &Map<String, Value>, settings: &IssuerSettings) -> Result<(), TokenError> {
    let own = settings.client_id.as_str();
    let audiences: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => return Err(TokenError::Missing("aud")),
    };
    if !audiences.contains(&own) {
        let told = audiences.first().map(|first| first.chars().take(100).collect());
        return Err(TokenError::Audience(told.unwrap_or_default()));
    }
    match claims.get("azp") {
        Some(party) if party == own => Ok(()),
        None if audiences.len() == 1 => Ok(()),
        Some(_) | None => Err(TokenError::AuthorizedParty),
    }
}

fn is_of_this_time(claims: &Map<String, Value>, now: Timestamp) -> Result<(), TokenError> {
    // RFC 7519 §2: seconds, perhaps with a fraction.
    let seconds = |name: &'static str| match claims.get(name) {
        None => Ok(None),
        Some(value) => match value.as_f64() {
            Some(seconds) if seconds.is_finite() => Ok(Some(seconds)),
            _ => Err(TokenError::Missing(name)),
        },
    };
    #[expect(clippy::cast_precision_loss, reason = "seconds of this age")]
    let (now, leeway) = (now.unix_millis() as f64 / 1_000.0, LEEWAY as f64);
    let expires = seconds("exp")?.ok_or(TokenError::Missing("exp"))?;
    let issued = seconds("iat")?.ok_or(TokenError::Missing("iat"))?;
    if expires + leeway <= now {
        return Err(TokenError::Expired);
    }
    let begins = seconds("nbf")?.map_or(issued, |begins| begins.max(issued));
    if begins - leeway > now { Err(TokenError::NotYet) } else { Ok(()) }
}

fn is_of_this_sign_in(claims: &Map<String, Value>, nonce: &str) -> Result<(), TokenError> {
    let said = claims.get("nonce").and_then(Value::as_str).ok_or(TokenError::Missing("nonce"))?;
    if bool::from(said.as_bytes().ct_eq(nonce.as_bytes())) { Ok(()) } else { Err(TokenError::Nonce) }
}

fn subject(
    claims: &Map<String, Value>,
    expected: &Expected<'_>,
) -> Result<(Option<TenantId>, String), TokenError> {
    match &expected.settings.protocol {
        Protocol::OpenId { issuer } => {
            let said = claims.get("iss").and_then(Value::as_str).ok_or(TokenError::Missing("iss"))?;
            if said != issuer.as_str() {
                return Err(TokenError::Issuer(said.chars().take(200).collect()));
            }
            let subject = claims.get("sub").and_then(Value::as_str).ok_or(TokenError::Missing("sub"))?;
            // OpenID Connect Core 1.0 §2: 255 ASCII characters.
            if subject.is_empty() || subject.len() > 255 {
                return Err(TokenError::Form("its `sub` is empty or too long"));
            }
            Ok((None, subject.to_owned()))
        }
        Protocol::Entra { authority: _, tenants, guests } => {
            let member = entra::member(claims, expected.provider, tenants, *guests)?;
            Ok((Some(member.tenant), member.object))
        }
    }
}
