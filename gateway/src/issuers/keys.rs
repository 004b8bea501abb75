//! An issuer's public keys (RFC 7517). Only what a key set at the issuer's own address holds is a key of the issuer's:
//! what a token carries or points to never is. Pure.

use events::TenantId;
use events::issuer::Algorithm;
use jsonwebtoken::DecodingKey;
use serde_json::Value;

use super::entra;

/// Keys of a set beyond these are not looked at.
const MAX_KEYS: usize = 100;

#[derive(Debug, Clone, Default)]
pub struct KeySet(Vec<Key>);

#[derive(Debug, Clone)]
struct Key {
    id: Option<String>,
    kind: Kind,
    /// The one algorithm that it is for.
    algorithm: Option<String>,
    /// Whose tokens it signs, where the set says so: Entra's has keys of several.
    issuer: Option<String>,
    key: DecodingKey,
}

/// What a key is: it alone says which algorithms it can be used with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rsa,
    P256,
    P384,
    Ed25519,
}

/// There is no key in the set that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    #[error("the key set has no `keys`")]
    NoKeys,
    #[error(
        "the key set has no key that can be used: RSA of 2048 bits or more, P-256, P-384 or Ed25519, for signing"
    )]
    NoneUsable,
}

impl KeySet {
    pub fn of(set: &Value) -> Result<Self, KeySetError> {
        let keys = set.get("keys").and_then(Value::as_array).ok_or(KeySetError::NoKeys)?;
        let keys: Vec<_> = keys.iter().take(MAX_KEYS).filter_map(Key::of).collect();
        if keys.is_empty() { Err(KeySetError::NoneUsable) } else { Ok(Self(keys)) }
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether any key can be used with this algorithm.
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        self.0.iter().any(|key| key.fits(algorithm))
    }

    /// The keys that may have signed a token with this key id and algorithm, for this issuer's tenant. Without a key id it
    /// must be clear which one.
    pub fn candidates(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
        of: Option<(&str, TenantId)>,
    ) -> impl Iterator<Item = &DecodingKey> {
        let fitting: Vec<_> = self.0.iter().filter(|key| key.fits(algorithm)).collect();
        let is_clear = id.is_some() || fitting.len() == 1;
        let named = move |key: &&&Key| id.is_none() || key.id.as_deref() == id;
        let chosen: Vec<_> = fitting.iter().filter(named).filter(|key| key.is_for(of)).copied().collect();
        chosen.into_iter().filter(move |_| is_clear).take(4).map(|key| &key.key)
    }
}

impl Key {
    /// `None`: it is for something else, or of a kind that is not used here. Shared secrets never are.
    fn of(jwk: &Value) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        if text("use").is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        if let Some(operations) = jwk.get("key_ops") {
            let verify = Value::from("verify");
            operations.as_array().filter(|operations| operations.contains(&verify))?;
        }
        let (kind, key) = match (text("kty")?, text("crv")) {
            ("RSA", _) => {
                let (n, e) = (text("n")?, text("e")?);
                // 2048 to 8192 bits, in base64url.
                if !(342..=1_366).contains(&n.len()) {
                    return None;
                }
                (Kind::Rsa, DecodingKey::from_rsa_components(n, e).ok()?)
            }
            ("EC", Some("P-256")) => {
                (Kind::P256, DecodingKey::from_ec_components(text("x")?, text("y")?).ok()?)
            }
            ("EC", Some("P-384")) => {
                (Kind::P384, DecodingKey::from_ec_components(text("x")?, text("y")?).ok()?)
            }
            ("OKP", Some("Ed25519")) => (Kind::Ed25519, DecodingKey::from_ed_components(text("x")?).ok()?),
            (_, _) => return None,
        };
        Some(Self {
            id: text("kid").map(str::to_owned),
            kind,
            algorithm: text("alg").map(str::to_owned),
            issuer: text("issuer").map(str::to_owned),
            key,
        })
    }

    fn fits(&self, algorithm: Algorithm) -> bool {
        let kind = match algorithm {
            Algorithm::Rs256
            | Algorithm::Rs384
            | Algorithm::Rs512
            | Algorithm::Ps256
            | Algorithm::Ps384
            | Algorithm::Ps512 => Kind::Rsa,
            Algorithm::Es256 => Kind::P256,
            Algorithm::Es384 => Kind::P384,
            Algorithm::EdDsa => Kind::Ed25519,
        };
        self.kind == kind && self.algorithm.as_deref().is_none_or(|own| own == algorithm.as_str())
    }

    /// `of`: the token's issuer and tenant, at Entra ID.
    fn is_for(&self, of: Option<(&str, TenantId)>) -> bool {
        match (of, &self.issuer) {
            (Some((issuer, tenant)), Some(own)) => entra::of_tenant(own, tenant) == issuer,
            (Some(_) | None, _) => true,
        }
    }
}

/// The algorithm as the library names it.
pub(super) fn named(algorithm: Algorithm) -> jsonwebtoken::Algorithm {
    match algorithm {
        Algorithm::Rs256 => jsonwebtoken::Algorithm::RS256,
        Algorithm::Rs384 => jsonwebtoken::Algorithm::RS384,
        Algorithm::Rs512 => jsonwebtoken::Algorithm::RS512,
        Algorithm::Ps256 => jsonwebtoken::Algorithm::PS256,
        Algorithm::Ps384 => jsonwebtoken::Algorithm::PS384,
        Algorithm::Ps512 => jsonwebtoken::Algorithm::PS512,
        Algorithm::Es256 => jsonwebtoken::Algorithm::ES256,
        Algorithm::Es384 => jsonwebtoken::Algorithm::ES384,
        Algorithm::EdDsa => jsonwebtoken::Algorithm::EdDSA,
    }
}
