//! Answers in which there is nothing that their clients could read.

use std::sync::Arc;

use events::ServerId;
use tokio::sync::Notify;

use super::client::{Connection, PING, Reply, post};
use super::upstream::{FakeUpstream, Step, with};
use super::world::{World, new_id};

const EVENTS: &str = "Content-Type: text/event-stream\r\n";
const JSON: &str = "Content-Type: application/json\r\n";
const HTML: &str = "Content-Type: text/html\r\n";
const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
const DISCOVER: &str = r#"{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#;
const STATELESS: &str = "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: server/discover\r\n";

fn chunked(status: &str, headers: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Transfer-Encoding: chunked\r\n\r\n")
}

async fn answering(answer: &str) -> (FakeUpstream, World) {
    let answer = answer.to_owned();
    let upstream = FakeUpstream::start(move |_| vec![Step::Write(answer.clone())]).await;
    let world = World::new(&upstream.url()).await;
    (upstream, world)
}

/// The upstream says this once it is told to, after a head.
async fn late(head: String, rest: &str) -> (FakeUpstream, World, Arc<Notify>) {
    let (go_on, rest) = (Arc::new(Notify::new()), rest.to_owned());
    let told = Arc::clone(&go_on);
    let upstream = FakeUpstream::start(move |_| {
        vec![Step::Write(head.clone()), Step::Wait(Arc::clone(&told)), Step::Write(rest.clone())]
    })
    .await;
    let world = World::new(&upstream.url()).await;
    (upstream, world, go_on)
}

async fn asking(world: &World) -> Connection {
    let key = world.key("mcp:docs").await;
    let mut connection = Connection::open(world.address).await;
    connection.write(&post(&format!("Authorization: Bearer {}\r\n", key.text), PING)).await;
    connection
}

fn told(reply: &Reply) -> (u16, String, serde_json::Value) {
    (reply.status, reply.reason(), reply.json()["error"]["data"]["upstream_status"].clone())
}

#[tokio::test]
async fn what_is_no_answer_is_502_and_nothing_in_answer_to_a_notification_passes() {
    let empty = "answer to a request is empty";
    let (none, other) = ("upstream_no_answer", "upstream_mislabelled");
    let ended = |headers: &str| chunked("200 OK", headers) + "0\r\n\r\n";
    for (answer, reason, cause) in [
        (with("200 OK", HTML, "<h1>hi</h1>"), none, "text/html"),
        (with("200 OK", "", "{}"), none, "of no type"),
        (with("204 No Content", "", ""), none, empty),
        (with("202 Accepted", "", ""), none, empty),
        (with("200 OK", JSON, ""), none, empty),
        (with("200 OK", JSON, " \r\n"), none, empty),
        (with("200 OK", EVENTS, ""), none, empty),
        (ended(JSON), none, empty),
        (ended(EVENTS), none, empty),
        (with("200 OK", JSON, "<h1>hi</h1>"), other, "said to be JSON and begins with '<'"),
        (with("200 OK", EVENTS, "{\"id\":1}"), other, "said to be an event stream and begins with '{'"),
    ] {
        let (_upstream, world) = answering(&answer).await;
        for scopes in ["mcp:docs", "mcp:docs:tools:add"] {
            let key = world.key(scopes).await;
            for request in [PING, LIST] {
                let reply = world.post(&key, "", request).await;
                assert_eq!((reply.status, reply.reason().as_str()), (502, reason), "{answer}");
                assert_eq!(reply.json()["id"], 1);
            }
            if reason == none {
                let reply = world.post(&key, "", INITIALIZED).await;
                let status = answer[9..12].parse().unwrap();
                assert_eq!((reply.status, reply.body.trim()), (status, ""), "{answer}");
            }
        }
        let lines = world.access_lines().await;
        assert!(lines.contains(reason) && lines.contains(cause), "{answer}: {lines}");
    }
}

#[tokio::test]
async fn a_refusal_without_words_is_told_in_words() {
    let oops = chunked("500 Oops", JSON) + "0\r\n\r\n";
    for (answer, status) in [
        (with("500 Oops", JSON, ""), 500),
        (oops, 500),
        (with("503 Busy", EVENTS, ""), 503),
        (with("500 Oops", JSON, "<h1>oops</h1>"), 500),
        (with("403 Forbidden", JSON, ""), 403),
        (with("404 Not Found", "", ""), 404),
        (with("400 Bad Request", JSON, "Bad Request"), 400),
    ] {
        let (_upstream, world) = answering(&answer).await;
        let key = world.key("mcp:docs").await;
        let reply = world.post(&key, "", PING).await;
        assert_eq!(told(&reply), (502, "upstream_failed".to_owned(), status.into()), "{answer}");
        assert_eq!(reply.json()["id"], 1);
        let lines = world.access_lines().await;
        assert!(
            lines.contains("upstream_failed") && lines.contains(&format!("answered {status} ")),
            "{lines}"
        );
        // From 2026-07-28 on the status says that a server is of before.
        let reply = world.post(&key, STATELESS, DISCOVER).await;
        let (seen, reason) = if status < 500 { (status, "unexplained") } else { (502, "upstream_failed") };
        assert_eq!(told(&reply), (seen, reason.to_owned(), status.into()), "{answer}");
    }
}

#[tokio::test]
async fn a_session_that_is_over_is_404_in_words() {
    let upstream = FakeUpstream::start(|n| {
        let started = format!("{JSON}Mcp-Session-Id: up-1\r\n");
        let answer = if n == 0 { with("200 OK", &started, "{}") } else { with("404 Not Found", "", "") };
        vec![Step::Write(answer)]
    })
    .await;
    let world = World::new(&upstream.url()).await;
    let key = world.key("mcp:docs").await;
    let session = world.post(&key, "", PING).await.header("mcp-session-id").unwrap().to_owned();
    let reply = world.post(&key, &format!("Mcp-Session-Id: {session}\r\n"), PING).await;
    assert_eq!(told(&reply), (404, "session_over".to_owned(), 404.into()));
}

#[tokio::test]
async fn the_head_of_a_document_or_a_refusal_waits_for_the_first_of_its_body() {
    for (status, reason) in [("200 OK", "upstream_no_answer"), ("500 Oops", "upstream_failed")] {
        let (_upstream, world, go_on) = late(chunked(status, JSON), "0\r\n\r\n").await;
        let mut connection = asking(&world).await;
        go_on.notify_one();
        let reply = connection.reply().await;
        assert_eq!((reply.status, reply.reason().as_str()), (502, reason));
    }
    let body = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
    let (_upstream, world, go_on) =
        late(format!("HTTP/1.1 200 OK\r\n{JSON}Content-Length: {}\r\n\r\n", body.len()), body).await;
    let mut connection = asking(&world).await;
    go_on.notify_one();
    let reply = connection.reply().await;
    assert_eq!((reply.status, reply.body.as_str()), (200, body));
}

/// The head has gone down by then.
#[tokio::test]
async fn a_stream_that_turns_out_to_be_none_ends() {
    for (rest, reason) in [
        ("0\r\n\r\n", "upstream_no_answer"),
        ("2\r\n\n\n\r\n0\r\n\r\n", "upstream_no_answer"),
        ("6\r\n: hi\n\n\r\n0\r\n\r\n", "upstream_no_answer"),
        ("a\r\n{\"id\":1}\n\n\r\n", "upstream_mislabelled"),
    ] {
        let (_upstream, world, go_on) = late(chunked("200 OK", EVENTS), rest).await;
        let mut connection = asking(&world).await;
        assert_eq!(connection.head().await.status, 200);
        go_on.notify_one();
        // As whenever a stream is cut.
        let came = connection.chunk().await;
        assert!(came.is_none_or(|came| ["", ": hi"].contains(&came.trim())), "{rest:?}");
        let lines = world.access_lines().await;
        assert!(lines.contains(reason), "{rest:?}: {lines}");
    }
}

/// Also one whose length is known, of which nobody asks for the end.
#[tokio::test]
async fn a_stream_without_a_message_is_no_answer() {
    let chunks = chunked("200 OK", EVENTS) + "6\r\n: hi\n\n\r\n0\r\n\r\n";
    for answer in [with("200 OK", EVENTS, ": hi\n\n"), chunks] {
        let (_upstream, world) = answering(&answer).await;
        for scopes in ["mcp:docs", "mcp:docs:tools:add"] {
            let key = world.key(scopes).await;
            for request in [PING, LIST] {
                assert_eq!(world.post(&key, "", request).await.status, 200);
                let lines = world.access_lines().await;
                assert!(
                    lines.contains("\"upstream_no_answer\"") && lines.contains("without a message"),
                    "{lines}"
                );
            }
        }
    }
}

/// Its client has nothing else to go by.
#[tokio::test]
async fn a_client_that_leaves_is_told_apart_by_whether_a_message_had_come() {
    type Ask = fn(&str) -> String;
    let get =
        |key: &str| format!("GET /mcp/acme/docs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n");
    let request = |key: &str| post(&format!("Authorization: Bearer {key}\r\n"), PING);
    let asks: [(Ask, &str, &str); 3] = [
        (request, ": hi\n\n", "client_gave_up"),
        (request, "data: {}\n\n", "client_gone"),
        (get, ": hi\n\n", "client_gone"),
    ];
    for (ask, event, outcome) in asks {
        let head = chunked("200 OK", EVENTS) + &format!("{:x}\r\n{event}\r\n", event.len());
        let (upstream, world, _go_on) = late(head, "").await;
        let key = world.key("mcp:docs").await;
        let mut connection = Connection::open(world.address).await;
        connection.write(&ask(&key.text)).await;
        connection.head().await;
        assert_eq!(connection.chunk().await.as_deref(), Some(event));
        drop(connection);
        upstream.gateway_has_closed(1).await;
        let lines = world.access_lines().await;
        assert!(lines.contains(&format!("\"{outcome}\"")), "{event:?}: {lines}");
    }
}

#[tokio::test]
async fn a_sessions_own_stream_is_an_event_stream() {
    let (none, other) = ("upstream_no_answer", "upstream_mislabelled");
    for (answer, reason, cause) in [
        (with("200 OK", EVENTS, "<h1>hi</h1>"), other, "begins with '<'"),
        (with("200 OK", EVENTS, "{}"), other, "begins with '{'"),
        (with("200 OK", JSON, "42"), other, "begins with '4'"),
        (with("200 OK", JSON, "{}"), none, "is JSON, and no event stream"),
        (with("200 OK", HTML, "<h1>hi</h1>"), none, "text/html"),
        (with("200 OK", "", "hi"), none, "of no type"),
    ] {
        let (_upstream, world) = answering(&answer).await;
        let key = world.key("mcp:docs").await;
        let get =
            format!("GET /mcp/acme/docs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", key.text);
        let reply = world.exchange(&get).await;
        assert_eq!((reply.status, reply.reason().as_str()), (502, reason), "{answer}");
        let lines = world.access_lines().await;
        assert!(lines.contains(cause), "{answer}: {lines}");
    }
}

#[tokio::test]
async fn what_is_wrong_in_answer_to_a_notification_is_dropped_and_counted() {
    for (answer, outcome) in [
        (with("200 OK", JSON, "42"), "upstream_mislabelled"),
        (with("200 OK", EVENTS, "{}"), "upstream_mislabelled"),
        (with("200 OK", HTML, "<h1>hi</h1>"), "upstream_no_answer"),
        (with("200 OK", "", "hi"), "upstream_no_answer"),
        (with("202 Accepted", "Content-Type: text/plain\r\n", "Accepted"), "passed"),
        (chunked("200 OK", "") + "0\r\n\r\n", "passed"),
    ] {
        let (_upstream, world) = answering(&answer).await;
        let key = world.key("mcp:docs").await;
        let reply = world.post(&key, "", INITIALIZED).await;
        let status = answer[9..12].parse().unwrap();
        assert_eq!((reply.status, reply.body.as_str()), (status, ""), "{answer}");
        assert_eq!(reply.header("content-type"), None);
        let lines = world.access_lines().await;
        assert!(lines.contains(&format!("\"{outcome}\"")), "{answer}: {lines}");
        assert_eq!(lines.contains("\"cause\""), outcome != "passed", "{answer}: {lines}");
    }
}

#[tokio::test]
async fn an_upstream_that_asks_to_wait_is_heard() {
    let wait = "Retry-After: 7\r\n";
    let ended = |headers: &str| chunked("429 Too Many Requests", headers) + "0\r\n\r\n";
    for (answer, status, reason, cause) in [
        (with("429 Too Many Requests", wait, ""), 429, "rate_limited", None),
        (ended(wait), 429, "rate_limited", None),
        (
            with("429 Too Many Requests", &format!("{wait}{HTML}"), "<h1>no</h1>"),
            429,
            "rate_limited",
            Some("text/html"),
        ),
        (with("503 Busy", wait, ""), 502, "upstream_failed", Some("503")),
        (with("503 Busy", &format!("{wait}{JSON}"), ""), 502, "upstream_failed", Some("503")),
    ] {
        let (_upstream, world) = answering(&answer).await;
        let key = world.key("mcp:docs").await;
        for reply in [world.post(&key, "", PING).await, world.post(&key, STATELESS, DISCOVER).await] {
            let upstream_status: u16 = answer[9..12].parse().unwrap();
            assert_eq!(told(&reply), (status, reason.to_owned(), upstream_status.into()), "{answer}");
            assert_eq!((reply.header("retry-after"), &reply.json()["id"]), (Some("7"), &1.into()));
        }
        let lines = world.access_lines().await;
        assert_eq!(lines.contains("\"cause\""), cause.is_some(), "{lines}");
        assert!(lines.contains(cause.unwrap_or_default()), "{lines}");
    }
}

#[tokio::test]
async fn a_body_that_is_dropped_has_its_cause_told() {
    for (status, told) in [
        ("403 Forbidden", true),
        ("404 Not Found", true),
        ("429 Too Many Requests", true),
        ("405 Method Not Allowed", false),
    ] {
        let (_upstream, world) = answering(&with(status, HTML, "<h1>no</h1>")).await;
        let key = world.key("mcp:docs").await;
        let reply = world.post(&key, "", INITIALIZED).await;
        assert_eq!((reply.status, reply.body.as_str()), (status[..3].parse().unwrap(), ""));
        let lines = world.access_lines().await;
        assert_eq!(lines.contains("\"text/html\\\": its body is dropped"), told, "{status}: {lines}");
    }
}

/// A fault that comes first would not be seen to rise.
#[tokio::test]
async fn a_server_has_its_series_before_it_is_called() {
    let (_upstream, world) = answering("").await;
    let failures =
        |server: &str| format!("{{organization=\"acme\",server=\"{server}\",kind=\"upstream_failed\"}} 0");
    assert!(world.metrics_of_calls().contains(&failures("docs")));
    // More than have series of their own: those of them that are called first will.
    for number in 0..256 {
        world.server_registered(
            world.organization,
            ServerId::new(new_id()),
            &format!("s-{number}"),
            "http://127.0.0.1:1/",
        );
    }
    world.told().await;
    let told = world.metrics_of_calls();
    assert!(!told.contains("server=\"docs\"") && told.contains("server=\"_others\""), "{told}");
}
