//! A stream that is open ends at once when its key is revoked, narrowed or expires: whoever lost the right to call
//! does not go on listening.

use std::time::Duration;

use events::clock::{Clock, SystemClock};
use keyledger_tests::mcp::{call, initialize, listen, stateless_call};
use keyledger_tests::spine::{Ready, Spine};
use keyledger_tests::upstreams::{McpServer, Upstream};
use keyledger_tests::wire::{Ask, Open};
use serde_json::json;

/// Stated: a look (1 s) where nothing wakes it. The rest is what two busy cores may need.
const BOUND: Duration = Duration::from_secs(4);

async fn streaming() -> (Spine, Upstream, Ready) {
    let spine = Spine::start().await;
    let upstream = Upstream::start(McpServer::every(Duration::from_millis(50))).await;
    let ready = spine.ready(&upstream).await;
    (spine, upstream, ready)
}

/// A GET stream and a long call in each era, each with a first message received.
async fn open(spine: &Spine, ready: &Ready, key: &str) -> Vec<(&'static str, Open)> {
    let long = json!({"to": 1_000_000});
    let welcome = initialize(&ready.path).bearer(key).send(spine.public).await.expect(200);
    let session = welcome.header("mcp-session-id").expect("a session");
    let asks: [(&str, Ask); 3] = [
        ("a GET stream", listen(&ready.path, session)),
        ("a call with sessions", call(&ready.path, "count", &long)),
        ("a stateless call", stateless_call(&ready.path, "count", &long)),
    ];
    let mut streams = Vec::new();
    for (what, ask) in asks {
        let mut stream = ask.bearer(key).open(spine.public).await;
        assert_eq!(stream.status, 200, "{what}");
        stream.frame(BOUND).await.expect(what);
        streams.push((what, stream));
    }
    streams
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_key_is_revoked() {
    let (spine, _upstream, ready) = streaming().await;
    let other = spine.key(&ready.organization, &["mcp:tools"]).await;
    call(&ready.path, "echo", &json!({})).bearer(&other.secret).send(spine.public).await.expect(200);
    let streams = open(&spine, &ready, &ready.key.secret).await;
    let mut others = open(&spine, &ready, &other.secret).await;
    spine.change_key(&ready.organization, &ready.key.id, "revoke").await;
    let start = SystemClock.instant();
    for (what, mut stream) in streams {
        stream.to_end(BOUND).await;
        eprintln!("{what} ended {:?} after the revocation (bound {BOUND:?})", start.elapsed());
    }
    // Another key's streams go on.
    for (what, stream) in &mut others {
        stream.frame(BOUND).await.expect(what);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_key_expires() {
    let (spine, _upstream, ready) = streaming().await;
    let soon = spine.later(2);
    let key = spine.key_with(&ready.organization, json!({"scopes": ["mcp:tools"], "expires_at": soon})).await;
    call(&ready.path, "echo", &json!({})).bearer(&key.secret).send(spine.public).await.expect(200);
    let start = SystemClock.instant();
    for (what, mut stream) in open(&spine, &ready, &key.secret).await {
        stream.to_end(Duration::from_secs(2) + BOUND).await;
        eprintln!("{what} of a key with at most 2 s to live ended after {:?}", start.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_key_loses_the_scope() {
    let (spine, _upstream, ready) = streaming().await;
    let streams = open(&spine, &ready, &ready.key.secret).await;
    let path = format!("/api/v1/organizations/{}/keys/{}/scopes", ready.organization.id, ready.key.id);
    spine.admin(Ask::new("PUT", path).json(&json!({"scopes": ["mcp:elsewhere"]}))).await.expect(200);
    for (_, mut stream) in streams {
        stream.to_end(BOUND).await;
    }
}
