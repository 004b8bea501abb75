//! `POST /api/v1/keys/verify`: another service asks whether a key is good for a scope, and learns of its own
//! organization's keys only.

use domain::key::secret::{PlainKey, Prefix};
use events::clock::SystemRandom;
use keyledger_tests::mcp::call;
use keyledger_tests::spine::Spine;
use keyledger_tests::upstreams::{McpServer, Upstream};
use keyledger_tests::wire::{Answer, Ask};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_and_unknown_keys_get_the_same_answer() {
    let spine = Spine::start().await;
    let upstream = Upstream::start(McpServer::default()).await;
    let ready = spine.ready(&upstream).await;
    let asking = spine.key(&ready.organization, &["keys:verify"]).await;
    let other = spine.organization("other").await;
    let foreign = spine.key(&other, &["mcp:*"]).await;
    let ask = |key: &str, scope: &str| verify(key, scope).bearer(&asking.secret);

    let good = ask(&ready.key.secret, "mcp:tools:tools:echo").send(spine.public).await.expect(200);
    assert_eq!(good.json()["valid"], true, "{}", good.text());
    let narrow = ask(&ready.key.secret, "mcp:another").send(spine.public).await.expect(200);
    assert_eq!(narrow.json()["valid"], false, "{}", narrow.text());

    // The foreign key is known to the node: it works at its own organization's door.
    call("/mcp/other/none", "echo", &json!({})).bearer(&foreign.secret).send(spine.public).await;
    let never_issued = PlainKey::draw(&Prefix::live(), &SystemRandom);
    let same: Vec<Answer> = [
        ask(&foreign.secret, "mcp:tools:tools:echo").send(spine.public).await,
        ask(never_issued.expose(), "mcp:tools:tools:echo").send(spine.public).await,
        ask(&spine.admin_key, "mcp:tools:tools:echo").send(spine.public).await,
    ]
    .into();
    for answer in &same {
        assert_eq!((answer.status, answer.text()), (200, same[0].text()), "{answer:?}");
        assert_eq!(answer.json()["valid"], false);
        let names =
            |answer: &Answer| answer.headers.0.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        assert_eq!(names(answer), names(&same[0]));
    }

    let revoked = spine.revoked_key(&ready.organization).await;
    let answer = ask(&revoked, "mcp:tools:tools:echo").send(spine.public).await.expect(200);
    assert_eq!(answer.json()["valid"], false, "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_key_with_the_scope_may_ask() {
    let spine = Spine::start().await;
    let upstream = Upstream::start(McpServer::default()).await;
    let ready = spine.ready(&upstream).await;
    let key = &ready.key.secret;
    verify(key, "mcp:tools").send(spine.public).await.expect(401);
    verify(key, "mcp:tools").bearer("garbage").send(spine.public).await.expect(401);
    let refused = verify(key, "mcp:tools").bearer(key).send(spine.public).await.expect(403);
    assert!(refused.header("www-authenticate").unwrap_or_default().contains("keys:verify"), "{refused:?}");
}

fn verify(key: &str, scope: &str) -> Ask {
    Ask::post("/api/v1/keys/verify", &json!({"key": key, "scope": scope}))
}
