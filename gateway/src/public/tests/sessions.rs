use events::key::KeyOwner;
use events::server::Changed;
use events::{Owner, UserId};
use serde_json::json;

use super::client::PING;
use super::upstream::{FakeUpstream, Step, with};
use super::world::{Key, World, new_id};

/// Starts a session at the first call, and repeats its id at every other.
async fn upstream() -> FakeUpstream {
    FakeUpstream::start(|_| {
        let headers = "Content-Type: application/json\r\nMcp-Session-Id: up-1\r\n";
        vec![Step::Write(with("200 OK", headers, r#"{"jsonrpc":"2.0","id":1,"result":{}}"#))]
    })
    .await
}

fn session(id: &str) -> String {
    format!("Mcp-Session-Id: {id}\r\n")
}

async fn started(world: &World, key: &Key) -> String {
    let reply = world.post(key, "", PING).await;
    assert_eq!(reply.status, 200);
    reply.header("mcp-session-id").unwrap().to_owned()
}

#[tokio::test]
async fn a_session_id_is_sealed_and_stays_the_same() {
    let upstream = upstream().await;
    let world = World::new(&upstream.url()).await;
    let key = world.key("mcp:docs").await;
    let id = started(&world, &key).await;
    assert!(!id.contains("up-1"));
    let next = world.post(&key, &session(&id), PING).await;
    assert_eq!(next.header("mcp-session-id"), Some(id.as_str()));
    for method in ["GET", "DELETE"] {
        let request = format!(
            "{method} /mcp/acme/docs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n{}\
             Last-Event-ID: 7\r\nMCP-Protocol-Version: 2025-11-25\r\n\r\n",
            key.text,
            session(&id)
        );
        // JSON is no answer to GET; it went up all the same.
        assert_eq!(world.exchange(&request).await.status, if method == "GET" { 502 } else { 200 });
    }
    let requests = upstream.requests();
    assert!(!requests[0].contains("mcp-session-id"));
    for request in &requests[1..] {
        assert!(request.contains("mcp-session-id: up-1\r\n"), "{request}");
    }
    assert!(requests[2].contains("last-event-id: 7\r\n"));
    assert!(requests[3].starts_with("DELETE /upstream/mcp"));
}

#[tokio::test]
async fn no_other_caller_can_use_a_session() {
    let upstream = upstream().await;
    let world = World::new(&upstream.url()).await;
    let key = world.key("mcp:docs").await;
    let id = started(&world, &key).await;
    let own = Owner::Organization(world.organization);
    let other = world.issue(own, "mcp:docs", |issued| {
        issued.owner = KeyOwner::User { id: UserId::new(new_id()) };
    });
    let next = world.key("mcp:docs").await;
    let stolen = world.post(&other, &session(&id), PING).await;
    assert_eq!((stolen.status, stolen.reason().as_str()), (403, "session_foreign"));
    assert_eq!(stolen.json()["id"], json!(1));
    // The next key of the same holder: a client that starts anew gets on.
    let replaced = world.post(&next, &session(&id), PING).await;
    assert_eq!((replaced.status, replaced.reason().as_str()), (404, "session_unknown"));
    let unknown = world.post(&key, &session("up-1"), PING).await;
    assert_eq!((unknown.status, unknown.reason().as_str()), (404, "session_unknown"));
    assert_eq!(upstream.requests().len(), 1);
}

#[tokio::test]
async fn a_session_does_not_follow_a_server_that_moves() {
    let (here, elsewhere) = (upstream().await, upstream().await);
    let world = World::new(&here.url()).await;
    let key = world.key("mcp:docs").await;
    let id = started(&world, &key).await;
    let moved = Changed {
        upstream: Some(elsewhere.url().parse().unwrap()),
        enabled: None,
        name: None,
        settings: None,
    };
    world.server_changed(moved);
    world.told().await;
    let reply = world.post(&key, &session(&id), PING).await;
    assert_eq!((reply.status, reply.reason().as_str()), (404, "session_unknown"));
    assert!(elsewhere.requests().is_empty());
    assert_eq!(world.post(&key, "", PING).await.status, 200);
}

#[tokio::test]
async fn nothing_is_resumed_without_a_session() {
    let upstream = upstream().await;
    let world = World::new(&upstream.url()).await;
    let key = world.key("mcp:docs").await;
    let get = format!(
        "GET /mcp/acme/docs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nLast-Event-ID: 7\r\n\r\n",
        key.text
    );
    assert_eq!(world.exchange(&get).await.status, 502, "its answer is JSON");
    assert_eq!(world.post(&key, "Last-Event-ID: 7\r\n", PING).await.status, 200);
    let requests = upstream.requests();
    assert_eq!(requests.len(), 2);
    assert!(requests.iter().all(|request| !request.contains("last-event-id")), "{requests:?}");
}

#[tokio::test]
async fn there_are_no_sessions_from_2026_07_28_on() {
    let upstream = upstream().await;
    let world = World::new(&upstream.url()).await;
    let key = world.key("mcp:docs").await;
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#;
    let headers = "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: add\r\n\
                   Mcp-Param-Region: =?base64?w6Q=?=\r\nMcp-Session-Id: whatever\r\nLast-Event-ID: 3\r\n";
    let reply = world.post(&key, headers, body).await;
    assert_eq!(reply.status, 200);
    assert!(reply.header("mcp-session-id").is_none());
    let request = &upstream.requests()[0];
    assert!(!request.contains("mcp-session-id") && !request.contains("last-event-id"));
    for header in [
        "mcp-protocol-version: 2026-07-28",
        "mcp-method: tools/call",
        "mcp-name: add",
        "mcp-param-region: =?base64?w6Q=?=",
    ] {
        assert!(request.contains(&format!("{header}\r\n")), "{request}");
    }
    let get = format!(
        "GET /mcp/acme/docs HTTP/1.1\r\nHost: x\r\nX-API-Key: {}\r\nMCP-Protocol-Version: 2026-07-28\r\n\r\n",
        key.text
    );
    let reply = world.exchange(&get).await;
    assert_eq!((reply.status, reply.header("allow")), (405, Some("POST, OPTIONS")));
}
