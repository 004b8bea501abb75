//! Id tokens, one wrong thing at a time.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::Timestamp;
use events::issuer::IssuerSettings;
use serde_json::{Map, Value, json};

use super::settings;
use crate::issuers::claims::{Overage, email, overage, says};
use crate::issuers::discovery::Provider;
use crate::issuers::entra::EntraError;
use crate::issuers::keys::KeySet;
use crate::issuers::token::{Claims, Expected, TokenError, judge};

const NOW: i64 = 1_800_000_000;
const TENANT: &str = "c0000000-0000-4000-8000-000000000001";
const OTHER: &str = "f0000000-0000-4000-8000-000000000002";
const CONSUMERS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
const AUTHORITY: &str = "https://login.microsoftonline.com";

struct Signer(EcdsaKeyPair);

impl Signer {
    fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    fn jwk(&self, kid: &str) -> Value {
        let (x, y) = self.0.public_key().as_ref()[1..].split_at(32);
        let [x, y] = [x, y].map(|coordinate| URL_SAFE_NO_PAD.encode(coordinate));
        json!({"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": kid, "use": "sig"})
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
        let signature = self.0.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn openid() -> IssuerSettings {
    let protocol = json!({"kind": "openid", "issuer": "https://login.example.com"});
    settings(protocol, "keyledger", json!({"algorithms": ["ES256", "EdDSA"]}))
}

fn entra(tenants: &[&str], guests: bool) -> IssuerSettings {
    let protocol = json!({"kind": "entra", "authority": AUTHORITY, "tenants": tenants, "guests": guests});
    settings(protocol, "keyledger", json!({"algorithms": ["ES256"]}))
}

fn provider(settings: &IssuerSettings) -> Provider {
    let entra = serde_json::to_value(&settings.protocol).unwrap();
    let several = entra["tenants"].as_array().is_none_or(|tenants| tenants.len() > 1);
    let place =
        if several { "{tenantid}".to_owned() } else { entra["tenants"][0].as_str().unwrap().to_owned() };
    let issuer = match entra["issuer"].as_str() {
        Some(issuer) => issuer.to_owned(),
        None => format!("{AUTHORITY}/{place}/v2.0"),
    };
    let document = json!({
        "issuer": issuer,
        "authorization_endpoint": "https://login.example.com/authorize",
        "token_endpoint": "https://login.example.com/token",
        "jwks_uri": "https://login.example.com/keys",
    });
    let v1 = json!({"issuer": format!("https://sts.windows.net/{place}/")});
    Provider::of(settings, &document, Some(&v1)).unwrap()
}

fn claims() -> Value {
    json!({
        "iss": "https://login.example.com", "aud": "keyledger", "sub": "anna", "nonce": "n",
        "iat": NOW, "exp": NOW + 300,
    })
}

fn laid(mut over: Value, under: &Value) -> Value {
    let mut all = under.clone();
    for (name, value) in over.as_object_mut().unwrap().iter_mut() {
        if value.is_null() {
            all.as_object_mut().unwrap().remove(name);
        } else {
            all[name] = value.take();
        }
    }
    all
}

fn judged(token: &str, settings: &IssuerSettings, keys: &Value) -> Result<Claims, TokenError> {
    crate::crypto::install();
    let (provider, keys) = (provider(settings), KeySet::of(keys).unwrap());
    let now = Timestamp::from_unix_millis(NOW * 1_000).unwrap();
    judge(token, &Expected { settings, provider: &provider, keys: &keys, nonce: "n", now })
}

#[test]
fn a_good_token_counts_and_each_wrong_claim_is_refused() {
    let (signer, header) = (Signer::new(), json!({"alg": "ES256", "kid": "k"}));
    let keys = json!({"keys": [signer.jwk("k")]});
    let judged = |over: Value| judged(&signer.sign(&header, &laid(over, &claims())), &openid(), &keys);
    assert_eq!(judged(json!({})).unwrap().subject, "anna");
    for good in [
        json!({"aud": ["keyledger"]}),
        json!({"aud": ["keyledger", "other"], "azp": "keyledger"}),
        json!({"exp": NOW - 59}),
        json!({"iat": NOW + 59, "nbf": NOW + 59}),
        json!({"exp": (NOW + 5) as f64 + 0.5}),
    ] {
        assert!(judged(good.clone()).is_ok(), "{good}");
    }
    let audience = |of: &str| TokenError::Audience(of.to_owned());
    for (over, expected) in [
        (
            json!({"iss": "https://login.example.com/"}),
            TokenError::Issuer("https://login.example.com/".to_owned()),
        ),
        (json!({"iss": null}), TokenError::Missing("iss")),
        (json!({"aud": "other"}), audience("other")),
        (json!({"aud": []}), audience("")),
        (json!({"aud": null}), TokenError::Missing("aud")),
        (json!({"aud": ["keyledger", "other"]}), TokenError::AuthorizedParty),
        (json!({"azp": "other"}), TokenError::AuthorizedParty),
        (json!({"exp": NOW - 61}), TokenError::Expired),
        (json!({"exp": "1800000300"}), TokenError::Missing("exp")),
        (json!({"exp": null}), TokenError::Missing("exp")),
        (json!({"iat": null}), TokenError::Missing("iat")),
        (json!({"nbf": NOW + 61}), TokenError::NotYet),
        (json!({"iat": NOW + 61}), TokenError::NotYet),
        (json!({"nonce": "m"}), TokenError::Nonce),
        (json!({"nonce": null}), TokenError::Missing("nonce")),
        (json!({"sub": null}), TokenError::Missing("sub")),
        (json!({"sub": ""}), TokenError::Form("its `sub` is empty or too long")),
    ] {
        assert_eq!(judged(over.clone()).unwrap_err(), expected, "{over}");
    }
}

#[test]
fn no_header_leads_to_another_algorithm_or_key() {
    let (signer, foreign) = (Signer::new(), Signer::new());
    let keys = json!({"keys": [signer.jwk("k")]});
    let judged =
        |by: &Signer, header: Value| judged(&by.sign(&header, &claims()), &openid(), &keys).map(drop);
    let algorithm = |of: &str| Err(TokenError::Algorithm(of.to_owned()));
    let carries = |header: Value| laid(header, &json!({"alg": "ES256", "kid": "k"}));
    assert_eq!(judged(&signer, carries(json!({"jku": "https://evil.example/keys", "typ": "JWT"}))), Ok(()));
    // Without a key id there is one key that it can be.
    assert_eq!(judged(&signer, json!({"alg": "ES256"})), Ok(()));
    for (by, header, expected) in [
        (&signer, carries(json!({"alg": "none"})), algorithm("none")),
        (&signer, carries(json!({"alg": "None"})), algorithm("None")),
        (&signer, carries(json!({"alg": "HS256"})), algorithm("HS256")),
        (&signer, carries(json!({"alg": "ES384"})), algorithm("ES384")),
        (&signer, carries(json!({"alg": null})), algorithm("")),
        // An algorithm of the issuer's, of another kind of key.
        (&signer, carries(json!({"alg": "EdDSA"})), Err(TokenError::UnknownKey)),
        (&signer, carries(json!({"kid": "../../k"})), Err(TokenError::UnknownKey)),
        (&signer, carries(json!({"kid": 7})), Err(TokenError::Form("its `kid` is no text"))),
        (&signer, carries(json!({"crit": ["b64"], "b64": false})), Err(TokenError::Critical)),
        (&signer, carries(json!({"crit": []})), Err(TokenError::Critical)),
        (&signer, carries(json!({"typ": "at+jwt"})), Err(TokenError::Form("it is a token of another type"))),
        (&foreign, carries(json!({})), Err(TokenError::Signature)),
        (&foreign, carries(json!({"jwk": foreign.jwk("k")})), Err(TokenError::Signature)),
        (&foreign, carries(json!({"x5u": "https://evil.example/"})), Err(TokenError::Signature)),
    ] {
        assert_eq!(judged(by, header.clone()), expected, "{header}");
    }
}

#[test]
fn what_is_no_token_is_refused_whatever_it_is() {
    let signer = Signer::new();
    let keys = json!({"keys": [signer.jwk("k")]});
    let good = signer.sign(&json!({"alg": "ES256", "kid": "k"}), &claims());
    let unsigned = good.rsplit_once('.').unwrap().0.to_owned();
    let parts: Vec<_> = good.split('.').collect();
    for bad in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        format!("{unsigned}."),
        unsigned,
        format!("{good}.x"),
        format!("{good}A"),
        format!("{}.{}.{}", parts[0], parts[0], parts[2]),
        "a".repeat(70_000),
    ] {
        assert!(judged(&bad, &openid(), &keys).is_err(), "{bad}");
    }
}

#[test]
fn keys_that_are_for_something_else_are_none() {
    let signer = Signer::new();
    let as_it_is = |over: Value| KeySet::of(&json!({"keys": [laid(over, &signer.jwk("k"))]})).is_ok();
    assert!(as_it_is(json!({})) && as_it_is(json!({"use": null, "key_ops": ["verify"]})));
    for other in [
        json!({"use": "enc"}),
        json!({"key_ops": ["encrypt"]}),
        json!({"kty": "oct", "k": "c2VjcmV0"}),
        json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"}),
        json!({"crv": "P-521"}),
    ] {
        assert!(!as_it_is(other.clone()), "{other}");
    }
    assert!(KeySet::of(&json!({})).is_err());
    // Of two that it could be, a token without a key id names none.
    let keys = json!({"keys": [signer.jwk("k"), Signer::new().jwk("l")]});
    let token = signer.sign(&json!({"alg": "ES256"}), &claims());
    assert_eq!(judged(&token, &openid(), &keys).unwrap_err(), TokenError::UnknownKey);
}

fn of_entra(version: &str, tenant: &str, over: Value) -> Value {
    let issuer = match version {
        "1.0" => format!("https://sts.windows.net/{tenant}/"),
        _ => format!("{AUTHORITY}/{tenant}/v2.0"),
    };
    let entra = json!({"iss": issuer, "ver": version, "tid": tenant, "oid": "object", "sub": "pairwise"});
    laid(over, &laid(entra, &claims()))
}

#[test]
fn entra_counts_by_tenant_version_and_issuer_together() {
    let (signer, header) = (Signer::new(), json!({"alg": "ES256", "kid": "k"}));
    let keys = json!({"keys": [laid(json!({"issuer": format!("{AUTHORITY}/{{tenantid}}/v2.0")}), &signer.jwk("k")),
        signer.jwk("k1")]});
    let judged = |settings: &IssuerSettings, kid: &str, claims: Value| {
        let header = laid(json!({"kid": kid}), &header);
        judged(&signer.sign(&header, &claims), settings, &keys)
    };
    let several = entra(&[TENANT, CONSUMERS], false);
    let good = judged(&several, "k", of_entra("2.0", TENANT, json!({}))).unwrap();
    assert_eq!((good.tenant.unwrap().to_string(), good.subject.as_str()), (TENANT.to_owned(), "object"));
    judged(&several, "k1", of_entra("1.0", TENANT, json!({}))).unwrap();
    judged(&several, "k", of_entra("2.0", CONSUMERS, json!({}))).unwrap();
    let other: events::TenantId = OTHER.parse().unwrap();
    let one = entra(&[TENANT], false);
    for (settings, claims, expected) in [
        (&several, of_entra("2.0", OTHER, json!({})), EntraError::OtherTenant(other)),
        (&one, of_entra("2.0", CONSUMERS, json!({})), EntraError::Consumers),
        // The right tenant, in another's name.
        (&several, of_entra("2.0", OTHER, json!({"tid": TENANT})), EntraError::Issuer),
        (&several, of_entra("1.0", TENANT, json!({"ver": "2.0"})), EntraError::Issuer),
        (&several, of_entra("2.0", TENANT, json!({"ver": "1.0"})), EntraError::Issuer),
        (&several, of_entra("2.0", TENANT, json!({"ver": "3.0"})), EntraError::Version("3.0".to_owned())),
        (&several, of_entra("2.0", TENANT, json!({"ver": null})), EntraError::Missing("ver")),
        (&several, of_entra("2.0", TENANT, json!({"oid": null})), EntraError::Missing("oid")),
        (&several, of_entra("2.0", TENANT, json!({"tid": null})), EntraError::Missing("tid")),
    ] {
        assert_eq!(judged(settings, "k1", claims.clone()).unwrap_err(), expected.into(), "{claims}");
    }
    // A key of version 2's issuer signs for no other.
    let v1 = judged(&several, "k", of_entra("1.0", TENANT, json!({})));
    assert_eq!(v1.unwrap_err(), TokenError::UnknownKey);
}

#[test]
fn guests_are_let_in_where_they_are() {
    let (signer, header) = (Signer::new(), json!({"alg": "ES256", "kid": "k"}));
    let keys = json!({"keys": [signer.jwk("k")]});
    let guest = |over: Value| signer.sign(&header, &of_entra("2.0", TENANT, over));
    let refused = TokenError::Entra(EntraError::Guest(TENANT.parse().unwrap()));
    for over in [
        json!({"acct": 1}),
        json!({"acct": "1"}),
        json!({"idp": "live.com"}),
        json!({"idp": format!("https://sts.windows.net/{OTHER}/")}),
    ] {
        let token = guest(over.clone());
        assert_eq!(judged(&token, &entra(&[TENANT], false), &keys).unwrap_err(), refused, "{over}");
        judged(&token, &entra(&[TENANT], true), &keys).unwrap();
    }
    for over in [json!({"acct": 0}), json!({"idp": format!("https://sts.windows.net/{TENANT}/")})] {
        judged(&guest(over), &entra(&[TENANT], false), &keys).unwrap();
    }
}

fn told(claims: Value) -> Claims {
    let Value::Object(all) = claims else {
        return Claims { all: Map::new(), tenant: None, subject: String::new() };
    };
    Claims { all, tenant: None, subject: "anna".to_owned() }
}

#[test]
fn an_address_counts_where_the_issuer_vouches_for_it() {
    let (openid, entra) = (openid(), entra(&[TENANT], false));
    let verified = |settings: &IssuerSettings, more: Value| {
        let claims = told(laid(more, &json!({"email": "Anna@Example.com"})));
        email(settings, &claims).map(|(_, verified)| verified)
    };
    for (more, by_openid, by_entra) in [
        (json!({}), false, false),
        (json!({"email_verified": true}), true, false),
        (json!({"email_verified": "true"}), true, false),
        (json!({"email_verified": 1}), false, false),
        (json!({"xms_edov": true}), false, true),
        (json!({"xms_edov": "1"}), false, true),
        (json!({"xms_edov": false, "verified_primary_email": ["anna@example.com"]}), false, true),
        (
            json!({"verified_primary_email": ["other@example.com"], "preferred_username": "anna@example.com"}),
            false,
            false,
        ),
    ] {
        assert_eq!(verified(&openid, more.clone()), Some(by_openid), "{more}");
        assert_eq!(verified(&entra, more.clone()), Some(by_entra), "{more}");
    }
    assert_eq!(email(&openid, &told(json!({"email": "nobody"}))), None);
}

#[test]
fn a_claim_is_its_value_or_a_list_with_it_and_may_lie_in_another() {
    let claims = told(json!({
        "groups": ["a", "b c"], "department": "ops", "level": 7, "admin": true,
        "realm_access": {"roles": ["x"]}, "https://example.com/roles": ["y"], "odd": {"groups": "a"},
    }));
    for (name, value, expected) in [
        ("groups", "b c", true),
        ("groups", "b", false),
        ("department", "ops", true),
        ("level", "7", true),
        ("admin", "true", true),
        ("/realm_access/roles", "x", true),
        ("realm_access", "x", false),
        ("https://example.com/roles", "y", true),
        ("/odd", "a", false),
        ("nothing", "", false),
    ] {
        assert_eq!(says(&claims, None, name, value), expected, "{name} = {value}");
    }
    assert!(says(&claims, Some(&["z".to_owned()]), "groups", "z"));
    assert!(!says(&claims, Some(&[]), "groups", "a"), "what was read elsewhere stands in the token's place");
}

#[test]
fn groups_that_are_not_told_are_never_no_groups() {
    let asks = |of: &str| {
        let rules = json!([{"claim": of, "value": "a", "role": "admin"}]);
        let protocol = json!({"kind": "entra", "authority": AUTHORITY, "tenants": [TENANT], "guests": false});
        settings(protocol, "keyledger", json!({"rules": rules}))
    };
    for (claims, expected) in [
        (json!({"groups": ["a"]}), Overage::None),
        (json!({}), Overage::None),
        (json!({"_claim_names": {"groups": "src1"}}), Overage::Refused),
        (json!({"hasgroups": true}), Overage::Refused),
        (json!({"hasgroups": "true"}), Overage::Refused),
        (json!({"hasgroups": false}), Overage::None),
    ] {
        assert_eq!(overage(&asks("groups"), &told(claims.clone())), expected, "{claims}");
        assert_eq!(overage(&asks("roles"), &told(claims)), Overage::None);
    }
    let elsewhere = told(json!({"_claim_names": {"roles": "src1"}}));
    assert_eq!(overage(&asks("roles"), &elsewhere), Overage::Elsewhere("roles".to_owned()));
}
