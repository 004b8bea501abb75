//! Keys that sign, and what is published of them. They turn, and each may be told to be of one issuer alone.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as Rsa, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::Jwk;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::behaviour::{Behaviour, Signing, lay};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    #[default]
    #[serde(rename = "RS256")]
    Rs256,
    #[serde(rename = "ES256")]
    Es256,
}

impl Algorithm {
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }
}

/// A key of each algorithm under one id.
pub(crate) struct Key {
    pub kid: String,
    rsa: Rsa,
    curve: EcdsaKeyPair,
    /// What Entra ID's set says whose key it is; a template has `{tenantid}`.
    issuer: Option<String>,
}

impl Key {
    fn drawn(issuer: Option<String>) -> Self {
        let rsa = Rsa::generate(KeySize::Rsa2048).expect("an RSA key");
        let curve = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a P-256 key");
        let kid = URL_SAFE_NO_PAD.encode(digest(&SHA256, rsa.public_key().as_ref()));
        Self { kid, rsa, curve, issuer }
    }

    /// RFC 7517 §4.
    fn jwk(&self, algorithm: Algorithm) -> Map<String, Value> {
        let jwk = match algorithm {
            Algorithm::Rs256 => {
                let public = DecodingKey::from_rsa_der(self.rsa.public_key().as_ref());
                serde_json::to_value(Jwk::from_decoding_key(&public, None).expect("a public key"))
                    .expect("JSON")
            }
            Algorithm::Es256 => {
                // 0x04, then the coordinates.
                let (x, y) = self.curve.public_key().as_ref()[1..].split_at(32);
                let [x, y] = [x, y].map(|coordinate| URL_SAFE_NO_PAD.encode(coordinate));
                json!({"kty": "EC", "crv": "P-256", "x": x, "y": y})
            }
        };
        let mut jwk = jwk.as_object().cloned().unwrap_or_default();
        jwk.insert("use".to_owned(), "sig".into());
        jwk.insert("kid".to_owned(), self.kid.clone().into());
        jwk
    }

    fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match algorithm {
            Algorithm::Rs256 => {
                let mut signature = vec![0; self.rsa.public_modulus_len()];
                self.rsa.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).expect("a signature");
                signature
            }
            Algorithm::Es256 => self.curve.sign(&random, message).expect("a signature").as_ref().to_vec(),
        }
    }

    /// The public key as anybody can have it, in PEM.
    fn pem(&self, algorithm: Algorithm) -> String {
        let der: PublicKeyX509Der<'_> = match algorithm {
            Algorithm::Rs256 => self.rsa.public_key().as_der(),
            Algorithm::Es256 => self.curve.public_key().as_der(),
        }
        .expect("a public key");
        let lines: Vec<String> = STANDARD
            .encode(der.as_ref())
            .as_bytes()
            .chunks(64)
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
    }
}

pub(crate) struct Keys {
    /// All that are published; the last signs.
    published: Vec<Key>,
    foreign: Key,
}

impl Keys {
    pub fn new() -> Self {
        Self { published: vec![Key::drawn(None)], foreign: Key::drawn(None) }
    }

    pub fn signing(&self) -> &Key {
        self.published.last().unwrap_or(&self.foreign)
    }

    pub fn rotate(&mut self) -> String {
        self.published.push(Key::drawn(None));
        self.signing().kid.clone()
    }

    pub fn publish(&mut self, issuer: Option<&str>) -> String {
        let key = Key::drawn(issuer.map(str::to_owned));
        let kid = key.kid.clone();
        self.published.insert(0, key);
        kid
    }

    pub fn withdraw_old(&mut self) {
        let old = self.published.len().saturating_sub(1);
        self.published.drain(..old);
    }

    /// The set (RFC 7517 §5). `issuer`: what Entra ID says whose a key is that is of no other.
    pub fn set(&self, algorithm: Algorithm, issuer: Option<&str>) -> Value {
        let told = |key: &Key| {
            let mut jwk = key.jwk(algorithm);
            match (issuer, &key.issuer) {
                // Entra ID names no algorithm.
                (Some(_), Some(own)) => drop(jwk.insert("issuer".to_owned(), own.clone().into())),
                (Some(all), None) => drop(jwk.insert("issuer".to_owned(), all.into())),
                (None, _) => drop(jwk.insert("alg".to_owned(), algorithm.name().into())),
            }
            Value::Object(jwk)
        };
        json!({ "keys": self.published.iter().map(told).collect::<Vec<_>>() })
    }

    /// A JWT with these claims, as honest or as forged as the behaviour says.
    pub fn token(&self, algorithm: Algorithm, behaviour: &Behaviour, claims: &Map<String, Value>) -> String {
        let own = self.signing();
        let named = match &behaviour.signing {
            Signing::Kid(kid) => self.published.iter().find(|key| key.kid == *kid).unwrap_or(own),
            Signing::Own | Signing::Unsigned | Signing::PublicKeyAsSecret | Signing::Foreign => own,
        };
        let name = match behaviour.signing {
            Signing::Unsigned => "none",
            Signing::PublicKeyAsSecret => "HS256",
            Signing::Own | Signing::Foreign | Signing::Kid(_) => algorithm.name(),
        };
        let mut header = Map::new();
        for (member, value) in [("typ", "JWT"), ("alg", name), ("kid", &named.kid)] {
            header.insert(member.to_owned(), value.into());
        }
        lay(&behaviour.header, &mut header);
        let part =
            |object: &Map<String, Value>| URL_SAFE_NO_PAD.encode(serde_json::to_vec(object).expect("JSON"));
        let message = format!("{}.{}", part(&header), part(claims));
        let signature = match behaviour.signing {
            Signing::Unsigned => Vec::new(),
            Signing::PublicKeyAsSecret => {
                let secret = hmac::Key::new(hmac::HMAC_SHA256, own.pem(algorithm).as_bytes());
                hmac::sign(&secret, message.as_bytes()).as_ref().to_vec()
            }
            Signing::Foreign => self.foreign.sign(algorithm, message.as_bytes()),
            Signing::Own | Signing::Kid(_) => named.sign(algorithm, message.as_bytes()),
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}
