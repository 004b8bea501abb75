//! How a client shows who it is: by assertions, by a secret, by what it pushed.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::clock::{Clock, SystemClock};
use keyledger_tests::oauth::post;
use keyledger_tests::wire::Ask;
use serde_json::{Value, json};

use super::super::{World, error, text};

/// A client that signs who it is.
struct Signing {
    id: String,
    key: EcdsaKeyPair,
}

impl Signing {
    async fn new(world: &World) -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref()).unwrap();
        let point = key.public_key().as_ref();
        let part = |range: std::ops::Range<usize>| URL_SAFE_NO_PAD.encode(&point[range]);
        let jwk = json!({"kty": "EC", "crv": "P-256", "kid": "k", "x": part(1..33), "y": part(33..65)});
        let more = json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [jwk]}});
        let client = world.registered(more).await;
        Self { id: client.id, key }
    }

    fn assertion(&self, id: &str, over: Value) -> String {
        let now = SystemClock.now().unix_seconds();
        let audience = "https://mcp.example.com";
        let mut claims =
            json!({"iss": self.id, "sub": self.id, "aud": audience, "jti": id, "iat": now, "exp": now + 60});
        for (name, value) in over.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&json!({"alg": "ES256", "kid": "k"})), part(&claims));
        let signature = self.key.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clients_proof_counts_once_for_it_and_here() {
    let world = World::new().await;
    let signing = Signing::new(&world).await;
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let redeems = async |assertion: &str| {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", "none"),
            ("client_id", &signing.id),
            ("client_assertion_type", kind),
            ("client_assertion", assertion),
        ];
        error(&post(world.server.endpoint("token_endpoint"), &form).await)
    };
    let good = signing.assertion("1", json!({}));
    assert_eq!(redeems(&good).await, "invalid_grant", "it is the client; there is no such code");
    assert_eq!(redeems(&good).await, "invalid_client", "a replay");
    let now = SystemClock.now().unix_seconds();
    let stranger = Signing::new(&world).await;
    for (what, assertion, wanted) in [
        (
            "another server's",
            signing.assertion("2", json!({"aud": "https://evil.example"})),
            "invalid_client",
        ),
        (
            "another client's",
            signing.assertion("3", json!({"iss": stranger.id, "sub": stranger.id})),
            "invalid_request",
        ),
        (
            "another's key",
            Signing { id: signing.id.clone(), key: stranger.key }.assertion("4", json!({})),
            "invalid_client",
        ),
        ("expired", signing.assertion("5", json!({"exp": now - 120})), "invalid_client"),
        ("not yet valid", signing.assertion("6", json!({"nbf": now + 600})), "invalid_client"),
        ("without an end", signing.assertion("7", json!({"exp": now + 100_000})), "invalid_client"),
        ("without an id", signing.assertion("", json!({})), "invalid_client"),
        ("unsigned", format!("{}.", good.rsplit_once('.').unwrap().0), "invalid_client"),
    ] {
        assert_eq!(redeems(&assertion).await, wanted, "{what}");
    }
    // Who registered with keys is nobody without them.
    let bare = format!("grant_type=authorization_code&code=x&client_id={}", signing.id);
    assert_eq!(error(&world.token(&bare).await), "invalid_client");

    // A secret likewise: neither left out nor guessed.
    let with_secret = world.registered(json!({"token_endpoint_auth_method": "client_secret_post"})).await;
    let secret = with_secret.secret.clone().unwrap();
    for (secret, wanted) in
        [("", "invalid_client"), ("x", "invalid_client"), (secret.as_str(), "invalid_grant")]
    {
        let body = format!(
            "grant_type=authorization_code&code=x&client_id={}&client_secret={secret}",
            with_secret.id
        );
        assert_eq!(error(&world.token(&body).await), wanted, "{secret:?}");
    }
    // What one client pushed is taken by no other, and once.
    let pushes = async || {
        let authorization = world.asked();
        let parameters: Vec<_> =
            authorization.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let pushed = post(world.server.endpoint("pushed_authorization_request_endpoint"), &parameters).await;
        text(&pushed.expect(201).json(), "request_uri").to_owned()
    };
    let opens = async |client: &str, uri: &str| {
        let path = format!("/oauth/authorize?client_id={client}&request_uri={uri}");
        Ask::get(path).send(world.spine.public).await
    };
    let other = world.registered(json!({})).await;
    assert_eq!(opens(&other.id, &pushes().await).await.status, 400);
    let uri = pushes().await;
    assert_eq!(opens(&world.client.id, &uri).await.status, 303);
    assert_eq!(opens(&world.client.id, &uri).await.status, 400);
}
