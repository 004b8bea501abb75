use events::key::{Disabled, ExpiryChanged, KeyEvent, Revoked};
use events::organization::{OrganizationEvent, Suspended};
use events::server::Changed;
use events::{OrganizationId, Owner, ServerId, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};

use super::client::{PING, Reply, post};
use super::upstream::{FakeUpstream, Step, json};
use super::world::{Key, World, new_id};

async fn upstream() -> FakeUpstream {
    FakeUpstream::start(|_| vec![Step::Write(json(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#))]).await
}

fn call(tool: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}"}}}}"#)
}

fn header<'r>(request: &'r str, name: &str) -> Option<&'r str> {
    let wanted = format!("{name}: ");
    request.lines().find_map(|line| {
        line.get(..wanted.len())
            .filter(|start| start.eq_ignore_ascii_case(&wanted))
            .map(|_| &line[wanted.len()..])
    })
}

#[tokio::test]
async fn a_call_passes_with_a_key_in_either_header() {
    let upstream = upstream().await;
    let world = World::new(&upstream.url()).await;
    let key = world.key("mcp:docs").await;
    let by_bearer = world.post(&key, "", PING).await;
    let by_api_key = world.exchange(&post(&format!("X-API-Key: {}\r\n", key.text), PING)).await;
    for reply in [by_bearer, by_api_key] {
        assert_eq!((reply.status, reply.json()["id"].clone()), (200, json!(1)));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert!(reply.header("x-request-id").is_some());
    }
    for request in upstream.requests() {
        assert!(request.starts_with("POST /upstream/mcp HTTP/1.1\r\n"));
        assert!(!request.contains(&key.text) && header(&request, "x-api-key").is_none());
        assert!(request.ends_with(PING));
    }
}

#[tokio::test]
async fn the_upstream_learns_who_calls_from_a_token_that_it_can_check() {
    let upstream = upstream().await;
    let world = World::new(&upstream.url()).await;
    let key = world.key("mcp:docs:tools:add mcp:other").await;
    for _ in 0..2 {
        assert_eq!(world.post(&key, "", PING).await.status, 200);
    }
    let [first, second] = &upstream.requests()[..] else { panic!() };
    let token = header(first, "authorization").unwrap().strip_prefix("Bearer ").unwrap();
    assert!(second.contains(token), "signed once, not for each call");

    let jwks = world.exchange("GET /.well-known/jwks.json HTTP/1.1\r\nHost: x\r\n\r\n").await.json();
    let jwk = &jwks["keys"][0];
    let head = jsonwebtoken::decode_header(token).unwrap();
    assert_eq!(head.typ.as_deref(), Some("kl-identity+jwt"));
    assert_eq!(head.kid.as_deref(), jwk["kid"].as_str());
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_audience(&[format!("urn:keyledger:server:{}", world.server)]);
    validation.set_issuer(&["https://mcp.example.com"]);
    let public = DecodingKey::from_ed_components(jwk["x"].as_str().unwrap()).unwrap();
    let claims = jsonwebtoken::decode::<Value>(token, &public, &validation).unwrap().claims;
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 120);
    assert_eq!(claims["sub"], format!("organization:{}", world.organization));
    assert_eq!(claims["organization"], world.organization.to_string());
    assert_eq!(claims["key_id"], key.id.to_string());
    assert_eq!(claims["scope"], "mcp:docs:tools:add");
}

#[tokio::test]
async fn without_a_key_that_works_the_answer_is_401() {
    let upstream = upstream().await;
    let world = World::new(&upstream.url()).await;
    let org = Owner::Organization(world.organization);
    let hour = std::time::Duration::from_secs(3_600);
    let now = world.door.clock().now();
    let past = Timestamp::from_unix_millis(now.unix_millis() - 1_000).unwrap();
    let revoked = world.issue(org, "mcp:docs", |_| {});
    world.key_event(&revoked, KeyEvent::Revoked(Revoked { reason: None }));
    let disabled = world.issue(org, "mcp:docs", |_| {});
    world.key_event(&disabled, KeyEvent::Disabled(Disabled { reason: None }));
    let expired = world.issue(org, "mcp:docs", |issued| issued.expires_at = Some(past));
    let early = world.issue(org, "mcp:docs", |issued| issued.not_before = Some(now.saturating_add(hour)));
    let mut garbled = world.key("mcp:docs").await;
    garbled.text.replace_range(10..11, if &garbled.text[10..11] == "a" { "b" } else { "a" });

    let missing = world.exchange(&post("", PING)).await;
    assert_eq!((missing.status, missing.reason().as_str()), (401, "missing"));
    assert_eq!(missing.header("www-authenticate"), Some("Bearer realm=\"https://mcp.example.com\""));
    for (key, reason) in [
        (&revoked, "revoked"),
        (&disabled, "disabled"),
        (&expired, "expired"),
        (&early, "not_yet_valid"),
        (&garbled, "malformed"),
    ] {
        let reply = world.post(key, "", PING).await;
        assert_eq!((reply.status, reply.reason().as_str()), (401, reason));
        let challenge = reply.header("www-authenticate").unwrap();
        assert!(challenge.contains("error=\"invalid_token\"") && !challenge.contains("resource_metadata"));
    }
    let two = format!("X-API-Key: {}\r\n", garbled.text);
    let reply = world.post(&garbled, &two, PING).await;
    assert_eq!((reply.status, reply.reason().as_str()), (400, "two_credentials"));
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn a_key_stops_working_with_the_event_that_stops_it() {
    let upstream = upstream().await;
    let world = World::new(&upstream.url()).await;
    let answers = async |key: &Key| {
        world.told().await;
        world.post(key, "", &call("add")).await.status
    };
    let key = world.key("mcp:docs").await;
    assert_eq!(answers(&key).await, 200);
    let narrower = events::key::ScopesChanged { scopes: "mcp:docs:tools:sub".parse().unwrap() };
    world.key_event(&key, KeyEvent::ScopesChanged(narrower));
    assert_eq!(answers(&key).await, 403);
    let wider = events::key::ScopesChanged { scopes: "mcp:*".parse().unwrap() };
    world.key_event(&key, KeyEvent::ScopesChanged(wider));
    assert_eq!(answers(&key).await, 200);
    let over = ExpiryChanged { expires_at: Some(Timestamp::UNIX_EPOCH) };
    world.key_event(&key, KeyEvent::ExpiryChanged(over));
    assert_eq!(answers(&key).await, 401);
    world.key_event(&key, KeyEvent::ExpiryChanged(ExpiryChanged { expires_at: None }));
    assert_eq!(answers(&key).await, 200);
    world.organization_event(OrganizationEvent::Suspended(Suspended { reason: None }));
    assert_eq!(answers(&key).await, 401);
    world.organization_event(OrganizationEvent::Resumed(events::organization::Resumed {}));
    assert_eq!(answers(&key).await, 200);
    world.key_event(&key, KeyEvent::Revoked(Revoked { reason: None }));
    assert_eq!(answers(&key).await, 401);
}

#[tokio::test]
async fn scopes_are_asked_of_the_parsed_body() {
    let upstream = upstream().await;
    let world = World::new(&upstream.url()).await;
    let key = world.key("mcp:docs:tools:add").await;
    assert_eq!(world.post(&key, "", &call("add")).await.status, 200);
    assert_eq!(world.post(&key, "", PING).await.status, 200);
    let refused = world.post(&key, "", &call("rm")).await;
    assert_eq!((refused.status, refused.reason().as_str()), (403, "insufficient_scope"));
    assert_eq!(refused.json()["id"], 1);
    // No sign-in widens a key: it is told what is missing, and is not challenged.
    assert_eq!(refused.header("www-authenticate"), None);
    assert_eq!(refused.json()["error"]["data"]["scope"], "mcp:docs:tools:rm");
    let whole = r#"{"jsonrpc":"2.0","id":1,"method":"tasks/list"}"#;
    assert_eq!(world.post(&key, "", whole).await.status, 403);
    // A header that says something else, and bodies that two parsers read differently.
    let lie = world.post(&key, "Mcp-Method: tools/list\r\n", &call("add")).await;
    assert_eq!((lie.status, lie.json()["error"]["code"].clone()), (400, json!(-32020)));
    let twice = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add","name":"rm"}}"#;
    assert_eq!(world.post(&key, "", twice).await.json()["error"]["code"], -32600);
    assert_eq!(world.post(&key, "", &format!("[{PING}]")).await.reason(), "batch");
    assert_eq!(world.post(&key, "", "{").await.json()["error"]["code"], -32700);
    assert_eq!(upstream.requests().len(), 2);
}

#[tokio::test]
async fn keys_that_are_not_for_this_server_are_refused() {
    let upstream = upstream().await;
    let world = World::new(&upstream.url()).await;
    let other = OrganizationId::new(new_id());
    world.organization_created(other, "other");
    world.server_registered(other, ServerId::new(new_id()), "docs", &upstream.url());
    let foreign = world.issue(Owner::Organization(other), "mcp:*", |_| {});
    let operator = world.issue(Owner::Installation, "admin:*:*", |_| {});
    let manager = world.issue(Owner::Organization(world.organization), "admin:*:* keys:verify", |_| {});
    let elsewhere = world.key("mcp:mail").await;
    let own = world.key("mcp:*").await;
    let path = async |key: &Key, path: &str| -> Reply {
        let request = post(&format!("Authorization: Bearer {}\r\n", key.text), PING);
        world.exchange(&request.replace("/mcp/acme/docs", path)).await
    };
    for (key, address, status, reason) in [
        (&foreign, "/mcp/acme/docs", 404, "no_such_server"),
        (&own, "/mcp/other/docs", 404, "no_such_server"),
        (&own, "/mcp/nobody/docs", 404, "no_such_server"),
        (&own, "/mcp/acme/nothing", 404, "no_such_server"),
        (&elsewhere, "/mcp/acme/docs", 403, "insufficient_scope"),
        (&elsewhere, "/mcp/acme/nothing", 403, "insufficient_scope"),
        (&operator, "/mcp/acme/docs", 403, "not_for_mcp"),
        (&manager, "/mcp/acme/docs", 403, "not_for_mcp"),
    ] {
        let reply = path(key, address).await;
        assert_eq!((reply.status, reply.reason().as_str()), (status, reason), "{address}");
    }
    world.server_changed(Changed { upstream: None, enabled: Some(false), name: None, settings: None });
    world.told().await;
    let reply = path(&own, "/mcp/acme/docs").await;
    assert_eq!((reply.status, reply.reason().as_str()), (503, "server_disabled"));
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn browsers_call_from_allowed_origins_alone() {
    let upstream = upstream().await;
    let world = World::new(&upstream.url()).await;
    let key = world.key("mcp:docs").await;
    let evil = world.post(&key, "Origin: https://evil.example\r\n", PING).await;
    assert_eq!((evil.status, evil.reason().as_str()), (403, "origin"));
    assert!(evil.header("access-control-allow-origin").is_none());
    let good = "Origin: https://mcp.example.com\r\n";
    assert_eq!(world.post(&key, good, PING).await.status, 200);
    // A page must be able to read why it was refused.
    let refused = world.exchange(&post(good, PING)).await;
    assert_eq!(refused.status, 401);
    assert_eq!(refused.header("access-control-allow-origin"), Some("https://mcp.example.com"));
    let exposed = refused.header("access-control-expose-headers").unwrap();
    assert!(exposed.contains("www-authenticate") && exposed.contains("mcp-session-id"));
    let preflight = format!(
        "OPTIONS /mcp/acme/docs HTTP/1.1\r\nHost: x\r\n{good}Access-Control-Request-Method: POST\r\n\
         Access-Control-Request-Headers: authorization,content-type,mcp-protocol-version\r\n\r\n"
    );
    let preflight = world.exchange(&preflight).await;
    assert_eq!(preflight.status, 204);
    assert_eq!(
        preflight.header("access-control-allow-headers"),
        Some("authorization, content-type, mcp-protocol-version")
    );
}

#[tokio::test]
async fn every_other_path_and_method_is_answered_in_json() {
    let upstream = upstream().await;
    let world = World::new(&upstream.url()).await;
    let key = world.key("mcp:docs").await;
    for (line, status) in [
        ("GET /", 404),
        ("GET /mcp", 404),
        ("GET /.well-known/oauth-protected-resource/mcp/acme/docs", 404),
        ("GET /.well-known/oauth-authorization-server", 404),
        ("POST /mcp/acme%2fdocs", 400),
        ("POST /mcp/../mcp/acme/docs", 400),
        ("GET /api/v1/keys/verify", 405),
        ("POST /.well-known/jwks.json", 405),
        ("PUT /mcp/acme/docs", 405),
        ("PATCH /mcp/acme/docs", 405),
    ] {
        let request = format!("{line} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", key.text);
        let reply = world.exchange(&request).await;
        assert_eq!(reply.status, status, "{line}");
        reply.json();
        assert_eq!(reply.header("allow").is_some(), status == 405, "{line}");
    }
    // A query is dropped: no key is taken from it, none passes on.
    let with_query = post(&format!("Authorization: Bearer {}\r\n", key.text), PING)
        .replace("/mcp/acme/docs", "/mcp/acme/docs?api_key=x");
    assert_eq!(world.exchange(&with_query).await.status, 200);
    assert!(!upstream.requests()[0].contains("api_key"));
}
