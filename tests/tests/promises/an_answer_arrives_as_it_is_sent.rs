//! Nothing is held back: each message of a stream reaches the client before the upstream sends the next, and
//! a client that leaves is told to the upstream in the era where that cancels, and only there.

use std::time::Duration;

use keyledger_tests::mcp::{call, initialize, listen, stateless_call};
use keyledger_tests::poll;
use keyledger_tests::spine::Spine;
use keyledger_tests::upstreams::{Stepping, Upstream};
use serde_json::json;

const BOUND: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_message_arrives_before_the_next_is_sent() {
    let spine = Spine::start().await;
    let steps = Stepping::of(3);
    let upstream = Upstream::start(steps.clone()).await;
    let ready = spine.ready(&upstream).await;
    for ask in [call(&ready.path, "count", &json!({})), stateless_call(&ready.path, "count", &json!({}))] {
        let mut open = ask.bearer(&ready.key.secret).open(spine.public).await;
        assert_eq!(open.status, 200, "{:?}", open.headers);
        assert!(open.headers.get("content-type").unwrap().starts_with("text/event-stream"));
        assert_eq!(open.headers.get("x-accel-buffering"), Some("no"));
        for step in 1..=2 {
            steps.step();
            let frame = open.frame(BOUND).await.expect("a frame before the next step");
            assert_eq!(frame.json()["params"]["progress"], step);
        }
        steps.step();
        assert_eq!(
            open.frame(BOUND).await.expect("the result").json()["result"]["content"][0]["text"],
            "done"
        );
        assert!(open.frame(BOUND).await.is_none(), "the stream ends with its result");
    }
    assert_eq!(steps.left(), 0);
}

/// 2026-07-28, "Streamable HTTP": closing the stream is the cancellation.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_cancels_in_the_stateless_era() {
    let spine = Spine::start().await;
    let steps = Stepping::of(3);
    let upstream = Upstream::start(steps.clone()).await;
    let ready = spine.ready(&upstream).await;
    let mut open =
        stateless_call(&ready.path, "count", &json!({})).bearer(&ready.key.secret).open(spine.public).await;
    steps.step();
    open.frame(BOUND).await.expect("the stream is open");
    drop(open);
    let (_, took) = poll::until("the upstream sees the client leave", BOUND, async || match steps.left() {
        1 => Ok(()),
        left => Err(left),
    })
    .await;
    eprintln!("the upstream saw the client leave after {took:?}");
}

/// 2025-11-25, "Sending Messages to the Server": a disconnection is not a cancellation. The upstream sees the
/// client leave as if it stood before it, is not told to cancel, and may be asked for the rest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_does_not_cancel_in_the_era_of_sessions() {
    let spine = Spine::start().await;
    let steps = Stepping::of(3);
    let upstream = Upstream::start(steps.clone()).await;
    let ready = spine.ready(&upstream).await;
    let key = &ready.key.secret;
    let welcome = initialize(&ready.path).bearer(key).send(spine.public).await.expect(200);
    let session = welcome.header("mcp-session-id").expect("a session").to_owned();
    let ask = call(&ready.path, "count", &json!({})).bearer(key).header("Mcp-Session-Id", &session);
    let mut open = ask.open(spine.public).await;
    steps.step();
    open.frame(BOUND).await.expect("the stream is open");
    drop(open);
    poll::until("the upstream sees the client leave", BOUND, async || match steps.left() {
        1 => Ok(()),
        left => Err(left),
    })
    .await;

    // The client comes back for the rest of that stream, in the same session.
    let resume = listen(&ready.path, &session).bearer(key).header("Last-Event-ID", "event-1");
    let mut open = resume.open(spine.public).await;
    assert_eq!(open.status, 200);
    steps.step();
    open.frame(BOUND).await.expect("the stream goes on");
    let received = upstream.received();
    let last = received.last().unwrap();
    assert_eq!((last.method.as_str(), last.header("last-event-id")), ("GET", Some("event-1")));
    assert_eq!(last.header("mcp-session-id"), Some("upstream-session-0"));
    assert!(upstream.calls("notifications/cancelled").is_empty(), "nobody cancelled anything");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_get_stream_is_passed_on_and_resumed() {
    let spine = Spine::start().await;
    let upstream = Upstream::start(keyledger_tests::upstreams::McpServer::default()).await;
    let ready = spine.ready(&upstream).await;
    let key = &ready.key.secret;
    let welcome = initialize(&ready.path).bearer(key).send(spine.public).await.expect(200);
    let session = welcome.header("mcp-session-id").expect("a session").to_owned();
    let mut open = listen(&ready.path, &session).bearer(key).open(spine.public).await;
    assert_eq!(open.frame(BOUND).await.expect("a frame").json()["params"]["data"], "the beginning");
    drop(open);

    let resume = listen(&ready.path, &session).bearer(key).header("Last-Event-ID", "listen-1");
    let mut open = resume.open(spine.public).await;
    let frame = open.frame(BOUND).await.expect("a frame");
    assert_eq!(
        (frame.id.as_deref(), &frame.json()["params"]["data"]),
        (Some("listen-1"), &json!("listen-1"))
    );
}
