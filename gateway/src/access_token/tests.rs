use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use super::*;

const ISSUER: &str = "https://mcp.example.com";
const NOW: i64 = 1_790_000_000;
const KID: &str = "0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b";

/// A key pair: its private half, and its public one as nodes have it.
fn pair() -> (Vec<u8>, DecodingKey) {
    crate::crypto::install();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref()).unwrap();
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    (pkcs8.as_ref().to_vec(), public_key(x.try_into().unwrap(), y.try_into().unwrap()))
}

fn claims() -> Claims {
    Claims {
        iss: ISSUER.to_owned(),
        sub: "user:0190a1b2-c3d4-7e5f-8a6b-000000000001".to_owned(),
        aud: "https://mcp.example.com/mcp/acme/docs".to_owned(),
        client_id: "https://client.example/metadata.json".to_owned(),
        iat: NOW,
        exp: NOW + 600,
        jti: "a".to_owned(),
        scope: "mcp:docs".to_owned(),
        grant: GrantId::new(Uuid::from_u128(1)),
        organization: OrganizationId::new(Uuid::from_u128(2)),
    }
}

fn part(value: &serde_json::Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// The claims under another header, signed with the key as ES256 has it.
fn under(header: &serde_json::Value, private: &[u8]) -> String {
    let message = format!("{}.{}", part(header), part(&serde_json::to_value(claims()).unwrap()));
    let key = EncodingKey::from_ec_der(private);
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::ES256).unwrap();
    format!("{message}.{signature}")
}

#[test]
fn what_was_signed_is_read_back() {
    let (private, public) = pair();
    let token = Signer::new(&private, KID.to_owned()).sign(&claims()).unwrap();
    let read = judge(&token, ISSUER, NOW, |kid| (kid == KID).then_some(public));
    assert_eq!(read, Ok(claims()));
}

#[test]
fn a_token_counts_from_its_issue_to_its_end() {
    let (private, public) = pair();
    let signer = Signer::new(&private, KID.to_owned());
    let at = |claims: &Claims, now| {
        judge(&signer.sign(claims).unwrap(), ISSUER, now, |_| Some(public.clone())).map(drop)
    };
    for (now, expected) in [
        (NOW - AHEAD - 1, Err(Fault::NotYetValid)),
        (NOW - AHEAD, Ok(())),
        (NOW + 599, Ok(())),
        (NOW + 600, Err(Fault::Expired)),
    ] {
        assert_eq!(at(&claims(), now), expected, "{now}");
    }
    let long = Claims { exp: NOW + MAX_LIFETIME + 1, ..claims() };
    assert_eq!(at(&long, NOW), Err(Fault::Expired));
}

#[test]
fn another_issuers_another_keys_and_a_changed_token_are_refused() {
    let (private, public) = pair();
    let signer = Signer::new(&private, KID.to_owned());
    let judged = |token: &str| judge(token, ISSUER, NOW, |_| Some(public.clone()));
    let other = Claims { iss: "https://mcp.example.com/".to_owned(), ..claims() };
    assert_eq!(judged(&signer.sign(&other).unwrap()), Err(Fault::Foreign));
    let (stranger, _) = pair();
    let forged = Signer::new(&stranger, KID.to_owned()).sign(&claims()).unwrap();
    assert_eq!(judged(&forged), Err(Fault::Signature));
    let good = signer.sign(&claims()).unwrap();
    assert_eq!(judge(&good, ISSUER, NOW, |_| None), Err(Fault::Signature));
    let wider = Claims { scope: "mcp:*".to_owned(), ..claims() };
    let parts: Vec<_> = good.split('.').collect();
    let changed = format!("{}.{}.{}", parts[0], part(&serde_json::to_value(wider).unwrap()), parts[2]);
    assert_eq!(judged(&changed), Err(Fault::Signature));
}

/// RFC 8725 §3: neither the algorithm nor the key is the token's to choose.
#[test]
fn a_header_chooses_nothing() {
    let (private, public) = pair();
    let good = serde_json::json!({ "alg": "ES256", "typ": "at+jwt", "kid": KID });
    let with = |member: &str, value: serde_json::Value| {
        let mut header = good.clone();
        header[member] = value;
        judge(&under(&header, &private), ISSUER, NOW, |kid| (kid == KID).then(|| public.clone())).map(drop)
    };
    assert_eq!(with("typ", "application/AT+JWT".into()), Ok(()));
    assert_eq!(with("jku", "https://attacker.example/keys".into()), Ok(()));
    for (member, value, fault) in [
        ("alg", "none".into(), Fault::Foreign),
        ("alg", "HS256".into(), Fault::Foreign),
        ("alg", "ES384".into(), Fault::Foreign),
        ("typ", "JWT".into(), Fault::Foreign),
        ("typ", "kl-identity+jwt".into(), Fault::Foreign),
        ("typ", serde_json::Value::Null, Fault::Foreign),
        ("crit", serde_json::json!(["exp"]), Fault::Foreign),
        ("kid", "../../etc/passwd".into(), Fault::Signature),
        ("kid", serde_json::Value::Null, Fault::Signature),
    ] {
        assert_eq!(with(member, value.clone()), Err(fault), "{member}: {value}");
    }
    // The public key as a secret: what a verifier that believes the header would take.
    let header = serde_json::json!({ "alg": "HS256", "typ": "at+jwt", "kid": KID });
    let message = format!("{}.{}", part(&header), part(&serde_json::to_value(claims()).unwrap()));
    let secret = EncodingKey::from_secret(b"public").unwrap();
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &secret, Algorithm::HS256).unwrap();
    let judged = judge(&format!("{message}.{signature}"), ISSUER, NOW, |_| Some(public.clone()));
    assert_eq!(judged, Err(Fault::Foreign));
}

#[test]
fn a_list_of_audiences_and_a_missing_claim_are_refused() {
    let (private, public) = pair();
    let key = EncodingKey::from_ec_der(&private);
    let header = serde_json::json!({ "alg": "ES256", "typ": "at+jwt", "kid": KID });
    let whole = serde_json::to_value(claims()).unwrap();
    let judged = |claims: &serde_json::Value| {
        let message = format!("{}.{}", part(&header), part(claims));
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::ES256).unwrap();
        judge(&format!("{message}.{signature}"), ISSUER, NOW, |_| Some(public.clone())).map(drop)
    };
    assert_eq!(judged(&whole), Ok(()));
    let mut several = whole.clone();
    several["aud"] = serde_json::json!([whole["aud"], "https://other.example/mcp"]);
    assert_eq!(judged(&several), Err(Fault::Foreign));
    for member in ["iss", "sub", "aud", "client_id", "iat", "exp", "jti", "scope", "grant", "organization"] {
        let mut less = whole.clone();
        less.as_object_mut().unwrap().remove(member);
        assert_eq!(judged(&less), Err(Fault::Foreign), "{member}");
    }
}

#[test]
fn what_is_no_jwt_is_told_by_its_form() {
    for text in ["", "a.b", "a.b.c.d", "a..c", ".b.c", "a.b.", "kl_live_x"] {
        assert!(!is_jwt(text), "{text}");
    }
    assert!(is_jwt("a.b.c"));
    let long = format!("{}.a.a", "a".repeat(MAX_BYTES));
    assert_eq!(judge(&long, ISSUER, NOW, |_| None), Err(Fault::Foreign));
}
