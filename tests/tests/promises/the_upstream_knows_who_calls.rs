//! The upstream gets no credential of the client's, but a token of the gateway's own that it can verify with
//! the published keys alone: who calls, for which organization, with which key and scopes, meant for this
//! server and no other.

use std::time::Duration;

use events::clock::{Clock, SystemClock};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use keyledger_tests::clients;
use keyledger_tests::mcp::call;
use keyledger_tests::poll;
use keyledger_tests::spine::Spine;
use keyledger_tests::upstreams::{McpServer, Received, Upstream};
use keyledger_tests::wire::Ask;
use serde_json::{Value, json};
use tokio::process::Command;

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

const REFERENCE: &str = include_str!("../../../docs/reference/identity-token.md");

/// What the reference has for a language.
fn written(language: &str) -> &'static str {
    let (_, block) = REFERENCE.split_once(&format!("```{language}\n")).unwrap();
    block.split_once("```").unwrap().0
}

// As it stands in the reference.
fn caller(token: &str, keys: &JwkSet, issuer: &str, audience: &str) -> jsonwebtoken::errors::Result<Value> {
    let header = jsonwebtoken::decode_header(token)?;
    let key = header.kid.as_deref().and_then(|id| keys.find(id)).ok_or(ErrorKind::InvalidToken)?;
    if header.typ.as_deref() != Some("kl-identity+jwt") {
        return Err(ErrorKind::InvalidToken.into());
    }
    let mut expected = Validation::new(Algorithm::EdDSA);
    expected.set_issuer(&[issuer]);
    expected.set_audience(&[audience]);
    expected.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
    Ok(jsonwebtoken::decode(token, &DecodingKey::from_jwk(key)?, &expected)?.claims)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_verifiers_of_the_reference_take_it_and_none_that_is_for_another() {
    assert!(include_str!("the_upstream_knows_who_calls.rs").contains(written("rust")));
    let spine = Spine::start().await;
    let upstream = Upstream::start(McpServer::default()).await;
    let ready = spine.ready(&upstream).await;
    call(&ready.path, "echo", &json!({})).bearer(&ready.key.secret).send(spine.public).await.expect(200);
    let token = identity(upstream.calls("tools/call").last().unwrap());
    let issuer = spine.config.public_url.origin().ascii_serialization();
    let url = format!("http://{}/.well-known/jwks.json", spine.public);
    let keys = Ask::get("/.well-known/jwks.json").send(spine.public).await.expect(200);
    let keys: JwkSet = serde_json::from_slice(&keys.body).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(clients::jwt_node(), folder.path().join("node_modules")).unwrap();
    for (audience, is_ours) in [(ready.server.to_string(), true), (ready.organization.id.clone(), false)] {
        let meant = |language| {
            let code = written(language).replace("https://mcp.example.com/.well-known/jwks.json", &url);
            let code = code.replace("https://mcp.example.com", &issuer);
            code.replace("urn:keyledger:server:ID", &format!("urn:keyledger:server:{audience}"))
        };
        let claims = caller(&token, &keys, &issuer, &format!("urn:keyledger:server:{audience}"));
        assert_eq!(claims.is_ok(), is_ours, "{claims:?}");
        let (python, node) = (folder.path().join("verify.py"), folder.path().join("verify.mjs"));
        let shown = "import json, sys\nprint(json.dumps(caller(sys.argv[1])))\n";
        std::fs::write(&python, format!("{}{shown}", meant("python"))).unwrap();
        let shown = "console.log(JSON.stringify(await caller(process.argv[2])));\n";
        let code = meant("typescript").replace("token: string", "token");
        std::fs::write(&node, format!("{code}{shown}")).unwrap();
        let (mut of_python, mut of_node) = (clients::jwt_python(), Command::new("node"));
        of_python.arg(&python);
        of_node.arg(&node);
        for mut command in [of_python, of_node] {
            command.arg(&token).env_remove("HTTP_PROXY").env_remove("http_proxy").kill_on_drop(true);
            let output = command.output();
            let output = poll::within("a verifier", Duration::from_secs(60), output).await.unwrap();
            assert_eq!(output.status.success(), is_ours, "{output:?}");
            if is_ours {
                let claims: Value = serde_json::from_slice(&output.stdout).unwrap();
                assert_eq!(claims["key_id"], ready.key.id.as_str());
            }
        }
    }
}

fn identity(call: &Received) -> String {
    let header = call.header("authorization").unwrap_or_else(|| panic!("no token: {:?}", call.headers));
    header.strip_prefix("Bearer ").expect("a bearer token").to_owned()
}
