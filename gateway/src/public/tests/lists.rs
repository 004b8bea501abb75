use std::sync::Arc;

use events::key::{KeyEvent, ScopesChanged};
use tokio::sync::Notify;

use super::client::{Connection, post};
use super::upstream::{FakeUpstream, Step, json, with};
use super::world::{Key, World};

const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
const TOOLS: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"sub"},{"name":"add"},{"name":"a b"}],"nextCursor":"2"}}"#;
const EVENTS: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
const STATELESS: &str = "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/list\r\n";

fn stateless(method: &str, params: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":"s-1","method":"{method}","params":{{"_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}{params}}}}}"#
    )
}

fn chunk(text: &str) -> Step {
    Step::Write(format!("{:x}\r\n{text}\r\n", text.len()))
}

fn whole(events: &str) -> Vec<Step> {
    vec![Step::Write(EVENTS.to_owned()), chunk(events), Step::Write("0\r\n\r\n".to_owned())]
}

fn narrow(world: &World, key: &Key, scopes: &str) {
    let scopes = scopes.parse().unwrap();
    world.key_event(key, KeyEvent::ScopesChanged(ScopesChanged { scopes }));
}

#[tokio::test]
async fn a_list_shows_what_may_be_called_as_a_document_and_in_a_stream() {
    let shown = TOOLS.replace(r#"{"name":"sub"},"#, "");
    for events in [false, true] {
        let upstream = FakeUpstream::start(move |_| {
            if events { whole(&format!("id: 1\ndata: {TOOLS}\n\n")) } else { vec![Step::Write(json(TOOLS))] }
        })
        .await;
        let world = World::new(&upstream.url()).await;
        let key = world.key("mcp:docs:tools:a*").await;
        let body = world.post(&key, "", LIST).await.body;
        assert_eq!(body, if events { format!("id: 1\ndata: {shown}\n\n") } else { shown.clone() });
        // Once it may call another, it sees another; and who may call all sees all, byte by byte.
        narrow(&world, &key, "mcp:docs:tools:sub");
        world.told().await;
        let body = world.post(&key, "", LIST).await.body;
        assert!(body.contains(r#""tools":[{"name":"sub"}],"nextCursor":"2""#), "{body}");
        let body = world.post(&world.key("mcp:docs").await, "", LIST).await.body;
        assert!(body.contains(TOOLS), "{body}");
    }
}

#[tokio::test]
async fn from_2026_07_28_on_nobody_else_keeps_a_list_and_nobody_keeps_it_for_long() {
    let upstream = FakeUpstream::start(|_| {
        let hints = r#","ttlMs":300000,"cacheScope":"public"}}"#;
        vec![Step::Write(json(&TOOLS.replace("}}", hints)))]
    })
    .await;
    let world = World::new(&upstream.url()).await;
    for scopes in ["mcp:docs", "mcp:docs:tools:add"] {
        let key = world.key(scopes).await;
        let result = world.post(&key, STATELESS, &stateless("tools/list", "")).await.json()["result"].clone();
        assert_eq!((&result["ttlMs"], &result["cacheScope"]), (&30_000.into(), &"private".into()));
        assert_eq!(result["nextCursor"], "2");
    }
}

#[tokio::test]
async fn a_list_that_can_not_be_read_is_not_shown_and_an_error_is() {
    let too_long = format!(r#"{{"result":{{"tools":[{{"name":"{}"}}]}}}}"#, "x".repeat(9 * 1_024 * 1_024));
    let cases = [
        (json(r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"secret""#), 502),
        (json(&too_long), 502),
        (json(r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"no"}}"#), 200),
        (with("400 Bad Request", "Content-Type: application/json\r\n", r#"{"error":{"code":-1}}"#), 400),
        (with("404 Not Found", "Content-Type: application/json\r\n", "{\"secret\": no"), 404),
    ];
    for (answer, status) in cases {
        let upstream = FakeUpstream::start(move |_| vec![Step::Write(answer.clone())]).await;
        let world = World::new(&upstream.url()).await;
        let key = world.key("mcp:docs:tools:add").await;
        let reply = world.post(&key, "", LIST).await;
        assert_eq!(reply.status, status, "{}", reply.body);
        assert!(!reply.body.contains("secret"));
        match status {
            502 => {
                assert_eq!((reply.reason().as_str(), &reply.json()["id"]), ("upstream_bad_list", &1.into()));
            }
            404 => assert_eq!(reply.body, ""),
            _ => assert!(reply.json()["error"].is_object()),
        }
    }
    let upstream =
        FakeUpstream::start(|_| whole("data: {\"result\":{\"tools\":[{\"name\":\"secret\"}\n\n")).await;
    let world = World::new(&upstream.url()).await;
    let key = world.key("mcp:docs:tools:add").await;
    let body = world.post(&key, "", LIST).await.body;
    let lines = world.access_lines().await;
    assert!(lines.contains(&format!("\"bytes_out\":{},", body.len())), "{lines}");
    let error: serde_json::Value = serde_json::from_str(body.strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!((&error["id"], &error["error"]["data"]["reason"]), (&1.into(), &"upstream_bad_list".into()));
}

#[tokio::test]
async fn a_list_that_comes_as_no_json_is_no_answer() {
    let upstream = FakeUpstream::start(|_| whole("data: secret\n\n")).await;
    let world = World::new(&upstream.url()).await;
    let key = world.key("mcp:docs:tools:add").await;
    assert_eq!(world.post(&key, "", LIST).await.body, "");
    assert!(world.access_lines().await.contains("upstream_no_answer"));
}

/// Opens a stream whose upstream sends each of these when told.
async fn open(world: &World, request: &str) -> Connection {
    let mut connection = Connection::open(world.address).await;
    connection.write(request).await;
    assert_eq!(connection.head().await.status, 200);
    connection
}

fn listening(key: &Key) -> String {
    format!("GET /mcp/acme/docs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", key.text)
}

#[tokio::test]
async fn a_list_that_comes_again_on_a_sessions_stream_is_no_longer() {
    let upstream = FakeUpstream::start(|_| whole(&format!("id: 9\ndata: {TOOLS}\n\n"))).await;
    let world = World::new(&upstream.url()).await;
    let key = world.key("mcp:docs:tools:add").await;
    let chunk = open(&world, &listening(&key)).await.chunk().await.unwrap();
    assert!(
        chunk.starts_with("id: 9\n") && chunk.contains(r#""tools":[{"name":"add"}],"nextCursor""#),
        "{chunk}"
    );
}

#[tokio::test]
async fn open_streams_are_told_when_scopes_change_what_lists_show() {
    let upstream = FakeUpstream::start(|_| {
        vec![Step::Write(EVENTS.to_owned()), chunk(": hello\n\n"), Step::Wait(Arc::new(Notify::new()))]
    })
    .await;
    let world = World::new(&upstream.url()).await;
    let key = world.key("mcp:docs:tools:a").await;
    let mut session = open(&world, &listening(&key)).await;
    let filter = r#","notifications":{"toolsListChanged":true,"promptsListChanged":false}"#;
    let headers = format!(
        "Authorization: Bearer {}\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: subscriptions/listen\r\n",
        key.text
    );
    let mut subscription = open(&world, &post(&headers, &stateless("subscriptions/listen", filter))).await;
    for stream in [&mut session, &mut subscription] {
        assert_eq!(stream.chunk().await.as_deref(), Some(": hello\n\n"));
    }
    // What changes nothing here is told to nobody.
    narrow(&world, &key, "mcp:docs:tools:a mcp:mail");
    world.told().await;
    narrow(&world, &key, "mcp:docs:tools:b");
    let changed =
        |list: &str| format!(r#"data: {{"jsonrpc":"2.0","method":"notifications/{list}/list_changed""#);
    let all = ["tools", "prompts", "resources"].map(|list| format!("{}}}\n\n", changed(list))).concat();
    assert_eq!(session.chunk().await, Some(all));
    assert_eq!(
        subscription.chunk().await,
        Some(format!(
            "{},\"params\":{{\"_meta\":{{\"io.modelcontextprotocol/subscriptionId\":\"s-1\"}}}}}}\n\n",
            changed("tools")
        ))
    );
}
