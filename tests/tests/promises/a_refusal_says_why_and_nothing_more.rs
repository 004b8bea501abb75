//! The refusals of `/mcp` to the letter: status, challenge (RFC 6750 §3) and a body that no client takes for
//! the upstream's own; and that the upstream never hears of them.

use domain::key::secret::{PlainKey, Prefix};
use events::clock::SystemRandom;
use keyledger_tests::mcp::{call, initialize};
use keyledger_tests::poll;
use keyledger_tests::spine::Spine;
use keyledger_tests::upstreams::{McpServer, Upstream};
use keyledger_tests::wire::{Answer, Ask};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_that_are_not_good_are_401_and_stay_at_the_door() {
    let spine = Spine::start().await;
    let upstream = Upstream::start(McpServer::default()).await;
    let ready = spine.ready(&upstream).await;
    let organization = &ready.organization;
    let good = call(&ready.path, "echo", &json!({"text": "hi"}));

    let challenge = refused(&good.send(spine.public).await, 401);
    assert!(!challenge.contains("error="), "no credential was sent, so no error is named: {challenge}");

    let disabled = spine.key(organization, &["mcp:*"]).await;
    spine.change_key(organization, &disabled.id, "disable").await;
    let not_yet =
        spine.key_with(organization, json!({"scopes": ["mcp:*"], "not_before": spine.later(3600)})).await;
    let mut typo = ready.key.secret.clone();
    let last = if typo.pop() == Some('0') { '1' } else { '0' };
    typo.push(last);
    let never_issued = PlainKey::draw(&Prefix::live(), &SystemRandom).expose().to_owned();
    for (what, key) in [
        ("garbage", "garbage".to_owned()),
        ("a key with a wrong checksum", typo),
        ("a key that was never issued", never_issued),
        ("a revoked key", spine.revoked_key(organization).await),
        ("an expired key", spine.expired_key(organization).await),
        ("a disabled key", disabled.secret.clone()),
        ("a key that is not valid yet", not_yet.secret.clone()),
    ] {
        let (answer, _) = poll::until(what, spine.settle, async || {
            let answer = good.clone().bearer(&key).send(spine.public).await;
            if answer.status == 401 { Ok(answer) } else { Err(answer) }
        })
        .await;
        let challenge = refused(&answer, 401);
        assert!(challenge.contains("error=\"invalid_token\""), "{what}: {challenge}");
        let text = format!("{:?} {}", answer.headers, answer.text());
        assert!(!text.contains(&key), "{what}: the answer repeats the key: {text}");
    }
    assert!(upstream.received().is_empty(), "{:#?}", upstream.received());

    // The same request passes with a good key, in either header.
    good.clone().bearer(&ready.key.secret).send(spine.public).await.expect(200);
    good.header("X-API-Key", &ready.key.secret).send(spine.public).await.expect(200);
    assert_eq!(upstream.received().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_the_wrong_scope_is_403_and_told_which_it_needs() {
    let spine = Spine::start().await;
    let upstream = Upstream::start(McpServer::default()).await;
    let ready = spine.ready(&upstream).await;
    let narrow = spine.key(&ready.organization, &["mcp:tools:tools:count"]).await;
    let elsewhere = spine.key(&ready.organization, &["mcp:another"]).await;

    let echo = call(&ready.path, "echo", &json!({}));
    // Not by a challenge, at which clients begin a sign-in: none widens a key.
    let refused = |answer: &Answer| {
        assert_eq!((answer.status, answer.header("www-authenticate")), (403, None), "{answer:?}");
        let data = answer.json()["error"]["data"].clone();
        assert_eq!(data["reason"], "insufficient_scope", "{answer:?}");
        data["scope"].clone()
    };
    let answer = echo.clone().bearer(&narrow.secret).send(spine.public).await;
    assert_eq!(refused(&answer), "mcp:tools:tools:echo");
    let answer = initialize(&ready.path).bearer(&elsewhere.secret).send(spine.public).await;
    assert_eq!(refused(&answer), "mcp:tools");
    assert!(upstream.received().is_empty(), "{:#?}", upstream.received());

    call(&ready.path, "count", &json!({"to": 1})).bearer(&narrow.secret).send(spine.public).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_credentials_at_once_are_400() {
    let spine = Spine::start().await;
    let upstream = Upstream::start(McpServer::default()).await;
    let ready = spine.ready(&upstream).await;
    let key = &ready.key.secret;
    let good = call(&ready.path, "echo", &json!({})).bearer(key);
    for twice in [good.clone().header("X-API-Key", key), good.clone().bearer(key)] {
        twice.send(spine.public).await.expect(400);
    }
    assert!(upstream.received().is_empty());
}

/// Keys of another organization and of the installation open nothing, and nothing tells whether an address
/// exists.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_opens_its_own_organization_only() {
    let spine = Spine::start().await;
    let upstream = Upstream::start(McpServer::default()).await;
    let ready = spine.ready(&upstream).await;
    let other = spine.organization("other").await;
    let foreign = spine.key(&other, &["mcp:*"]).await;
    let foreign_probe = |path: &str| call(path, "echo", &json!({})).bearer(&foreign.secret);

    let known = foreign_probe(&ready.path).send(spine.public).await;
    let unknown = foreign_probe("/mcp/nobody/tools").send(spine.public).await;
    assert!((400..500).contains(&known.status), "{known:?}");
    assert_eq!((known.status, known.text()), (unknown.status, unknown.text()));
    assert_eq!(known.header("www-authenticate"), unknown.header("www-authenticate"));

    let admin = call(&ready.path, "echo", &json!({})).bearer(&spine.admin_key).send(spine.public).await;
    assert!(matches!(admin.status, 401 | 403), "{admin:?}");
    assert!(upstream.received().is_empty(), "{:#?}", upstream.received());
}

/// Advertising an authorization server where nobody can sign in breaks clients: without an issuer its well-known routes
/// say no in JSON.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_well_known_oauth_routes_are_404_in_json() {
    let spine = Spine::start().await;
    for path in [
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource/mcp/acme/tools",
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
        "/register",
    ] {
        let answer = Ask::get(path).send(spine.public).await.expect(404);
        assert!(answer.header("content-type").unwrap_or_default().contains("json"), "{path}: {answer:?}");
        answer.json();
    }
}

/// Checks what every refusal has, and gives its challenge.
fn refused(answer: &Answer, status: u16) -> String {
    assert_eq!(answer.status, status, "{answer:?}");
    assert!(answer.header("content-type").unwrap_or_default().starts_with("application/json"), "{answer:?}");
    let body = answer.json();
    assert_eq!(body["jsonrpc"], "2.0", "{body}");
    assert!(body["error"]["message"].as_str().is_some_and(|text| !text.is_empty()), "{body}");
    let challenge = answer.header("www-authenticate").expect("a challenge").to_owned();
    assert!(challenge.starts_with("Bearer realm=\""), "{challenge}");
    assert!(!challenge.contains("resource_metadata"), "{challenge}");
    challenge
}
