//! The session id that a client holds is sealed: only the key that began the session can use it, only at its
//! server, and the upstream's own id shows nowhere.

use keyledger_tests::mcp::{call, initialize, listen};
use keyledger_tests::spine::Spine;
use keyledger_tests::upstreams::{McpServer, Upstream};
use keyledger_tests::wire::Ask;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_other_caller_can_use_a_session() {
    let spine = Spine::start().await;
    let upstream = Upstream::start(McpServer::default()).await;
    let ready = spine.ready(&upstream).await;
    let key = &ready.key.secret;
    let welcome = initialize(&ready.path).bearer(key).send(spine.public).await.expect(200);
    let session = welcome.header("mcp-session-id").expect("a session").to_owned();
    assert!(!session.contains("upstream-session"), "{session}");
    assert!(session.bytes().all(|byte| (0x21..=0x7e).contains(&byte)), "{session}");
    assert!(!welcome.text().contains("upstream-session"));

    // Its own caller: the upstream gets its own id back.
    let with_session = |key: &str| {
        call(&ready.path, "echo", &json!({"text": "hi"})).bearer(key).header("Mcp-Session-Id", &session)
    };
    with_session(key).send(spine.public).await.expect(200);
    let calls = upstream.calls("tools/call");
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].header("mcp-session-id"), Some("upstream-session-0"));

    // Another key with the same scopes, that speaks for a service of the same organization.
    let service = json!({"kind": "service", "id": uuid::Uuid::from_u128(7)});
    let other = spine.key_with(&ready.organization, json!({"scopes": ["mcp:tools"], "owner": service})).await;
    // The next key of the same holder, as when one is replaced.
    let next = spine.key(&ready.organization, &["mcp:tools"]).await;
    call(&ready.path, "echo", &json!({})).bearer(&other.secret).send(spine.public).await.expect(200);
    let before = upstream.received().len();
    let forged = session.chars().rev().collect::<String>();
    for (what, status, ask) in [
        ("another key", 403, with_session(&other.secret)),
        ("another key's stream", 403, listen(&ready.path, &session).bearer(&other.secret)),
        (
            "another key's end",
            403,
            Ask::new("DELETE", &ready.path).bearer(&other.secret).header("Mcp-Session-Id", &session),
        ),
        ("the holder's next key", 404, with_session(&next.secret)),
        (
            "the upstream's own id",
            404,
            call(&ready.path, "echo", &json!({})).bearer(key).header("Mcp-Session-Id", "upstream-session-0"),
        ),
        (
            "a forged id",
            404,
            call(&ready.path, "echo", &json!({})).bearer(key).header("Mcp-Session-Id", &forged),
        ),
    ] {
        let answer = ask.send(spine.public).await;
        // 404 makes a client begin a new session (MCP 2025-11-25, "Session Management"), which is right for an
        // id that is none of ours or of the key before, and useless for another caller's.
        assert_eq!(answer.status, status, "{what}: {answer:?}");
        assert!(!answer.text().contains("upstream-session"), "{what}: {}", answer.text());
    }
    assert_eq!(upstream.received().len(), before, "the upstream heard of none of them");

    // The session still stands, and its caller ends it.
    let end = Ask::new("DELETE", &ready.path).bearer(key).header("Mcp-Session-Id", &session);
    end.send(spine.public).await.expect(204);
    let received = upstream.received();
    let last = received.last().unwrap();
    assert_eq!((last.method.as_str(), last.header("mcp-session-id")), ("DELETE", Some("upstream-session-0")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_good_at_its_own_server_only() {
    let spine = Spine::start().await;
    let (here, there) =
        (Upstream::start(McpServer::default()).await, Upstream::start(McpServer::default()).await);
    let ready = spine.ready(&here).await;
    let wide = spine.key(&ready.organization, &["mcp:*"]).await;
    let elsewhere = spine.register(&ready.organization, "elsewhere", &there.url()).await.path;
    let welcome = initialize(&ready.path).bearer(&wide.secret).send(spine.public).await.expect(200);
    let session = welcome.header("mcp-session-id").expect("a session");
    let stray = call(&elsewhere, "echo", &json!({})).bearer(&wide.secret);
    stray.send(spine.public).await.expect(200);
    let before = there.received().len();
    stray.header("Mcp-Session-Id", session).send(spine.public).await.expect(403);
    assert_eq!(there.received().len(), before);
}
