//! What an attacker would send, and what is answered. docs/attacks.md lists each.

use keyledger_tests::oauth::{Client, get};
use keyledger_tests::person::Browser;
use keyledger_tests::wire::{Answer, Ask};
use serde_json::{Value, json};

use super::{World, error, text};

mod pages;
mod proofs;
mod registrations;

const FORM: &str = "application/x-www-form-urlencoded";
const HERE: &str = "http://localhost:51234/";

fn call(path: &str) -> Ask {
    let params = json!({"name": "echo", "arguments": {}});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    Ask::post(path, &body).header("Accept", "application/json, text/event-stream")
}

impl World {
    async fn registered(&self, more: Value) -> Client {
        let mut body = json!({
            "redirect_uris": ["http://localhost/callback"],
            "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"],
        });
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        Client::registered(&self.server.register(&body).await.expect(201).json(), super::REDIRECT)
    }

    async fn asks(&self, method: &'static str, path: &str, media: &str, body: &str) -> Answer {
        Ask::new(method, path).header("Content-Type", media).body(body).send(self.spine.public).await
    }

    async fn token(&self, body: &str) -> Answer {
        self.asks("POST", "/oauth/token", FORM, body).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_code_and_no_token_is_of_use_to_another() {
    let world = World::new().await;
    let other = world.registered(json!({"client_name": "Another"})).await;
    let authorization = world.asked();
    let code = world.code(&mut Browser::that_ends_at(HERE), &authorization).await;
    // Stolen, and brought by another client, or put into another one's flow (code injection).
    let stolen = world.server.redeem(&other, &authorization, &code, &[]).await;
    assert_eq!(error(&stolen), "invalid_grant");
    let injected = world.server.redeem(&world.client, &world.asked(), &code, &[]).await;
    assert_eq!(error(&injected), "invalid_grant");
    let tokens = world.server.redeem(&world.client, &authorization, &code, &[]).await.expect(200).json();
    let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
    for (client, token, more, wanted) in [
        (&other, refresh, &[][..], "invalid_grant"),
        (&world.client, access, &[], "invalid_grant"),
        (&world.client, &code, &[], "invalid_grant"),
        (&world.client, refresh, &[("scope", "mcp:another")], "invalid_scope"),
        (&world.client, refresh, &[("scope", "admin:keys:write")], "invalid_scope"),
        (&world.client, refresh, &[("resource", "https://evil.example/mcp")], "invalid_target"),
        (&world.client, refresh, &[("client_id", "")], "invalid_client"),
    ] {
        let refused = world.server.refresh(client, token, more).await;
        assert_eq!(error(&refused), wanted, "{more:?}");
    }
    // At the door: no code, no refresh token, and nothing in a URL.
    let path = &world.ready.path;
    for (ask, status) in [
        (call(path).bearer(refresh), 401),
        (call(path).bearer(&code), 401),
        (call(&format!("{path}?access_token={access}")), 401),
        (call(path).header("X-API-Key", access), 401),
        (call(path).bearer(access).header("X-API-Key", &world.ready.key.secret), 400),
        (call(path).bearer(access), 200),
    ] {
        assert_eq!(ask.send(world.spine.public).await.status, status, "{:?}", ask.headers);
    }
    assert_eq!(Ask::get("/api/v1/caller").bearer(access).send(world.spine.admin).await.status, 401);
    // Another client gives nothing back that is not its own, and nobody unknown looks into a token.
    let revoked = format!("token={refresh}&client_id={}", other.id);
    world.asks("POST", "/oauth/revoke", FORM, &revoked).await.expect(200);
    let looked = world.asks("POST", "/oauth/introspect", FORM, &format!("token={access}")).await;
    assert_eq!((looked.status, error(&looked).as_str()), (401, "invalid_client"));
    let public = format!("token={access}&client_id={}", other.id);
    let looked = world.asks("POST", "/oauth/introspect", FORM, &public).await;
    assert_eq!((looked.status, error(&looked).as_str()), (401, "invalid_client"));
    call(path).bearer(access).send(world.spine.public).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_request_of_the_protocol_is_refused_with_its_error() {
    let world = World::new().await;
    let id = &world.client.id;
    let long = format!("grant_type=refresh_token&x={}", "x".repeat(70_000));
    for (body, wanted) in [
        ("", "invalid_request"),
        ("grant_type=password&username=a&password=b", "unsupported_grant_type"),
        ("grant_type=client_credentials", "unsupported_grant_type"),
        ("grant_type=urn:ietf:params:oauth:grant-type:device_code", "unsupported_grant_type"),
        ("grant_type=urn:ietf:params:oauth:grant-type:token-exchange", "unsupported_grant_type"),
        ("grant_type=authorization_code&grant_type=refresh_token", "invalid_request"),
        ("grant_type=refresh_token&refresh_token=a%00b", "invalid_request"),
        ("grant_type=refresh_token&refresh_token=%ff", "invalid_request"),
        ("grant_type=refresh_token&refresh_token=x", "invalid_client"),
        ("grant_type=authorization_code&code=x", "invalid_client"),
        ("grant_type=authorization_code&code=x&client_id=https://evil.example", "invalid_client"),
        (&format!("grant_type=authorization_code&client_id={id}"), "invalid_request"),
        (&format!("grant_type=authorization_code&client_id={id}&code=x"), "invalid_grant"),
        (&format!("grant_type=authorization_code&client_id={id}&code=x&client_secret=y"), "invalid_client"),
        (&long, "invalid_request"),
    ] {
        let answer = world.token(body).await;
        assert_eq!(error(&answer), wanted, "{}", &body[..body.len().min(80)]);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    let refused = world.asks("POST", "/oauth/token", "application/json", "{}").await;
    assert_eq!(error(&refused), "invalid_request");
    let in_url = world.asks("POST", "/oauth/token?code=x", FORM, "grant_type=refresh_token").await;
    assert_eq!(error(&in_url), "invalid_request", "a URL ends up in logs");
    let encoded = Ask::new("POST", "/oauth/token")
        .header("Content-Type", FORM)
        .header("Content-Encoding", "gzip")
        .body("grant_type=refresh_token");
    assert_eq!(error(&encoded.send(world.spine.public).await), "invalid_request");
    assert_eq!(get(world.server.endpoint("token_endpoint")).await.status, 405);

    let open =
        async |query: &str| Ask::get(format!("/oauth/authorize?{query}")).send(world.spine.public).await;
    let good = url::Url::parse(&world.server.authorize(&world.asked())).unwrap();
    let good = good.query().unwrap();
    let pushed = "urn:ietf:params:oauth:request_uri:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    for query in [
        format!("{good}&client_id={id}"),
        format!("{good}&redirect_uri=https%3A%2F%2Fevil.example%2Fcb"),
        format!("client_id={id}&request_uri={pushed}"),
        // Nothing is fetched from there.
        format!("client_id={id}&request_uri=http%3A%2F%2F169.254.169.254%2F"),
        format!("{good}&x={}", "x".repeat(20_000)),
        "client_id=javascript:alert(1)".to_owned(),
        "client_id=http%3A%2F%2F169.254.169.254%2Flatest".to_owned(),
        "client_id=https%3A%2F%2F2130706433%2Fc".to_owned(),
    ] {
        let answer = open(&query).await;
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.header("location").is_none(), "{query}");
        assert_eq!(answer.header("x-frame-options"), Some("DENY"));
    }
    for (more, wanted) in [
        ("request=eyJhbGciOiJub25lIn0.e30.", "request_not_supported"),
        ("response_mode=fragment", "invalid_request"),
        ("response_mode=form_post", "invalid_request"),
        ("prompt=none+login", "invalid_request"),
    ] {
        let to = open(&format!("{good}&{more}")).await;
        let to = to.header("location").unwrap_or_default().to_owned();
        assert!(to.starts_with(HERE) && to.contains(&format!("error={wanted}")), "{more}: {to}");
        assert!(to.contains("iss=https%3A%2F%2Fmcp.example.com"), "{to}");
    }
    // Nobody is told another issuer than ours, whatever `Host` says; what has cookies is read across origins by nobody.
    let asked = Ask::get("/.well-known/oauth-authorization-server").header("Host", "evil.example");
    assert_eq!(asked.send(world.spine.public).await.expect(200).json()["issuer"], "https://mcp.example.com");
    for path in ["/oauth/authorize", "/sign-in", "/consent", "/account"] {
        let answer = Ask::get(path).header("Origin", "https://evil.example").send(world.spine.public).await;
        assert_eq!(answer.header("access-control-allow-origin"), None, "{path}");
    }
}
