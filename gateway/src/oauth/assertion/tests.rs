use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::*;

const CLIENT: &str = "https://a.example/client";
const US: &str = "https://accounts.example.com";

struct Signer {
    key: EncodingKey,
    keys: JwkSet,
}

fn signer(kid: &str) -> Signer {
    crate::crypto::install();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref()).unwrap();
    let point = pair.public_key().as_ref();
    let part = |range: std::ops::Range<usize>| URL_SAFE_NO_PAD.encode(&point[range]);
    let jwk = json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": part(1..33), "y": part(33..65)});
    let keys = serde_json::from_value(json!({ "keys": [jwk] })).unwrap();
    Signer { key: EncodingKey::from_ec_der(pkcs8.as_ref()), keys }
}

fn now() -> Timestamp {
    Timestamp::from_unix_millis(1_800_000_000_000).unwrap()
}

fn claims(changes: Value) -> Value {
    let at = now().unix_seconds();
    let mut claims = json!({"iss": CLIENT, "sub": CLIENT, "aud": US, "exp": at + 60, "iat": at, "jti": "1"});
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

fn sign(signer: &Signer, claims: &Value) -> String {
    let header = Header { kid: Some("k".to_owned()), ..Header::new(Algorithm::ES256) };
    encode(&header, claims, &signer.key).unwrap()
}

fn judged(
    token: &str,
    keys: &JwkSet,
    algorithm: Option<AssertionAlgorithm>,
) -> Result<Assertion, AssertionFault> {
    let audiences = &[US, "https://accounts.example.com/oauth/token"];
    judge(token, &Expected { client: CLIENT, keys, algorithm, audiences, now: now() })
}

#[test]
fn what_the_clients_own_key_signed_is_its_proof() {
    let signer = signer("k");
    for audience in [json!(US), json!(["x", US]), json!("https://accounts.example.com/oauth/token")] {
        let token = sign(&signer, &claims(json!({"aud": audience})));
        let proof = judged(&token, &signer.keys, Some(AssertionAlgorithm::Es256)).unwrap();
        assert_eq!(proof, Assertion { id: "1".to_owned(), expires_at: now().unix_seconds() + 60 });
        assert_eq!(
            claimed(&token).unwrap(),
            Claimed { client: CLIENT.to_owned(), key: Some("k".to_owned()) }
        );
    }
}

#[test]
fn each_wrong_claim_is_refused() {
    use AssertionFault as F;
    let signer = signer("k");
    let at = now().unix_seconds();
    for (changes, fault) in [
        (json!({"iss": "https://b.example/client"}), F::Client),
        (json!({"sub": "https://b.example/client"}), F::Client),
        (json!({"aud": "https://other.example"}), F::Audience),
        (json!({"aud": format!("{US}/")}), F::Audience),
        (json!({"aud": []}), F::Audience),
        (json!({"exp": at - 61}), F::Time),
        (json!({"exp": at + 3_601}), F::Time),
        (json!({"iat": at + 61}), F::Time),
        (json!({"nbf": at + 61}), F::Time),
        (json!({"exp": null}), F::Signature),
        (json!({"jti": null}), F::Id),
        (json!({"jti": ""}), F::Id),
        (json!({"jti": "x".repeat(257)}), F::Id),
    ] {
        let token = sign(&signer, &claims(changes.clone()));
        assert_eq!(judged(&token, &signer.keys, None), Err(fault), "{changes}");
    }
}

#[test]
fn another_key_or_algorithm_proves_nothing() {
    let (ours, other, renamed) = (signer("k"), signer("k"), signer("l"));
    let token = sign(&ours, &claims(json!({})));
    assert_eq!(judged(&token, &other.keys, None), Err(AssertionFault::Signature));
    assert_eq!(judged(&token, &renamed.keys, None), Err(AssertionFault::UnknownKey));
    assert_eq!(judged(&token, &ours.keys, Some(AssertionAlgorithm::Rs256)), Err(AssertionFault::Form));
    // A public key is no HMAC secret, and `none` is no algorithm.
    let header = Header { kid: Some("k".to_owned()), ..Header::new(Algorithm::HS256) };
    let public = serde_json::to_vec(&ours.keys).unwrap();
    let confused = encode(&header, &claims(json!({})), &EncodingKey::from_secret(&public).unwrap()).unwrap();
    assert_eq!(judged(&confused, &ours.keys, None), Err(AssertionFault::Form));
    let (_, rest) = token.split_once('.').unwrap();
    for header in [json!({"alg": "none"}), json!({"alg": "ES256", "crit": ["x"], "x": 1})] {
        let unsigned = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()));
        assert_eq!(judged(&unsigned, &ours.keys, None), Err(AssertionFault::Form), "{header}");
    }
    // A key that the token brings along is not looked at.
    let jwk = other.keys.keys[0].clone();
    let header = Header { kid: Some("k".to_owned()), jwk: Some(jwk), ..Header::new(Algorithm::ES256) };
    let own = encode(&header, &claims(json!({})), &other.key).unwrap();
    assert_eq!(judged(&own, &ours.keys, None), Err(AssertionFault::Signature));
    for garbage in ["", "a.b.c", &"a".repeat(9_000)] {
        assert_eq!(judged(garbage, &ours.keys, None), Err(AssertionFault::Form));
    }
}

#[test]
fn a_proof_counts_while_it_lasts() {
    let signer = signer("k");
    let token = sign(&signer, &claims(json!({})));
    let at = |seconds| now().saturating_add(Duration::from_secs(seconds));
    let judged = |now| {
        judge(
            &token,
            &Expected { client: CLIENT, keys: &signer.keys, algorithm: None, audiences: &[US], now },
        )
    };
    assert!(judged(at(119)).is_ok());
    assert_eq!(judged(at(120)), Err(AssertionFault::Time));
}
