//! The upstream gets no credential of the client's, but a token of the gateway's own that it can verify with
//! the published keys alone: who calls, for which organization, with which key and scopes, meant for this
//! server and no other.

use events::clock::{Clock, SystemClock};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation};
use keyledger_tests::mcp::call;
use keyledger_tests::spine::Spine;
use keyledger_tests::upstreams::{McpServer, Received, Upstream};
use keyledger_tests::wire::Ask;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_a_token_that_the_published_keys_verify() {
    let spine = Spine::start().await;
    let upstream = Upstream::start(McpServer::default()).await;
    let ready = spine.ready(&upstream).await;
    call(&ready.path, "echo", &json!({})).bearer(&ready.key.secret).send(spine.public).await.expect(200);
    let calls = upstream.calls("tools/call");
    let token = identity(calls.last().unwrap());

    let jwks = Ask::get("/.well-known/jwks.json").send(spine.public).await.expect(200);
    assert!(!jwks.text().contains("\"d\""), "a private key is published");
    let keys: JwkSet = serde_json::from_slice(&jwks.body).expect("a JWK set (RFC 7517 §5)");
    let header = jsonwebtoken::decode_header(&token).unwrap();
    assert_eq!(header.typ.as_deref(), Some("kl-identity+jwt"));
    let key = keys.find(header.kid.as_deref().expect("a key id")).expect("the token's key is published");

    let mut validation = Validation::new(header.alg);
    validation.set_audience(&[format!("urn:keyledger:server:{}", ready.server)]);
    validation.set_issuer(&[spine.config.public_url.origin().ascii_serialization()]);
    validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
    let claims = jsonwebtoken::decode::<Value>(&token, &DecodingKey::from_jwk(key).unwrap(), &validation)
        .expect("the token is verified")
        .claims;
    let lifetime = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert!((1..=120).contains(&lifetime), "{claims}");
    assert!(claims["exp"].as_i64().unwrap() * 1000 > SystemClock.now().unix_millis(), "{claims}");
    let text = claims.to_string();
    assert!(text.contains(&ready.organization.id), "{claims}");
    assert!(text.contains(&ready.key.id), "{claims}");
    assert!(text.contains("mcp:tools"), "{claims}");
    assert!(claims["sub"].as_str().is_some_and(|subject| !subject.is_empty()), "{claims}");

    // The gateway itself never takes it for a credential.
    call(&ready.path, "echo", &json!({})).bearer(&token).send(spine.public).await.expect(401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_server_by_a_token_of_its_own() {
    let spine = Spine::start().await;
    let upstream = Upstream::start(McpServer::default()).await;
    let ready = spine.ready(&upstream).await;
    // The same URL, registered again: a token for the one is none for the other.
    let wide = spine.key(&ready.organization, &["mcp:*"]).await;
    let twin = spine.register(&ready.organization, "twin", &upstream.url()).await.path;
    call(&ready.path, "echo", &json!({})).bearer(&wide.secret).send(spine.public).await.expect(200);
    call(&twin, "echo", &json!({})).bearer(&wide.secret).send(spine.public).await.expect(200);
    let calls = upstream.calls("tools/call");
    let audience = |call: &Received| {
        let claims = identity(call);
        let part = claims.split('.').nth(1).unwrap().to_owned();
        let bytes = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, part).unwrap();
        serde_json::from_slice::<Value>(&bytes).unwrap()["aud"].clone()
    };
    assert_ne!(audience(&calls[calls.len() - 2]), audience(&calls[calls.len() - 1]));
}

fn identity(call: &Received) -> String {
    let header = call.header("authorization").unwrap_or_else(|| panic!("no token: {:?}", call.headers));
    header.strip_prefix("Bearer ").expect("a bearer token").to_owned()
}
