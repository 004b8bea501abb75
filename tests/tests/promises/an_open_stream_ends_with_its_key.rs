//! A stream that is open ends at once when its key is revoked, narrowed or expires: whoever lost the right to call
//! does not go on listening.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use events::clock::{Clock, SystemClock};
use keyledger_tests::mcp::{call, initialize, listen, stateless_call};
use keyledger_tests::poll;
use keyledger_tests::spine::{Ready, Spine};
use keyledger_tests::upstreams::{After, Behave, McpServer, Received, Reply, Upstream};
use keyledger_tests::wire::{Ask, Open};
use serde_json::json;
use tokio::sync::Semaphore;

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

/// Begins to answer a call once the semaphore is closed, and never ends.
#[derive(Clone, Debug)]
struct Halfway(Arc<Semaphore>);

#[async_trait]
impl Behave for Halfway {
    async fn answer(&self, _: &Received, reply: &mut Reply) -> After {
        let _ = self.0.acquire().await;
        reply.begin("application/json", &[]).await;
        reply.chunk(br#"{"jsonrpc":"2.0","#).await;
        reply.closed().await;
        After::Close
    }
}

/// Nothing was sent yet, so the client is told why, and its connection is not just closed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_begins_after_the_revocation_is_a_refusal() {
    let spine = Spine::start().await;
    let halfway = Halfway(Arc::new(Semaphore::new(0)));
    let upstream = Upstream::start(halfway.clone()).await;
    let ready = spine.ready(&upstream).await;
    let waiting = call(&ready.path, "echo", &json!({})).bearer(&ready.key.secret);
    let asking = async {
        let answer = waiting.send(spine.public).await;
        assert_eq!(answer.status, 401, "{}", answer.text());
    };
    let revoking = async {
        poll::until("the upstream is asked", BOUND, async || match upstream.calls("tools/call").len() {
            1 => Ok(()),
            calls => Err(calls),
        })
        .await;
        spine.change_key(&ready.organization, &ready.key.id, "revoke").await;
        // One that asks nothing of the upstream, whoever sends it.
        let empty = Ask::new("POST", ready.path.clone()).bearer(&ready.key.secret);
        poll::until("the revocation holds", BOUND, async || match empty.send(spine.public).await.status {
            401 => Ok(()),
            status => Err(status),
        })
        .await;
        halfway.0.close();
    };
    tokio::join!(asking, revoking);
}
