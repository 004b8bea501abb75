use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use events::ServerId;
use tokio::sync::Notify;

use super::client::{Connection, PING, Reply, post};
use super::upstream::{FakeUpstream, Step, json, with};
use super::world::{World, new_id, open_to, settings};
use crate::request::RequestSettings;
use crate::upstream::UpstreamConfig;

async fn answered(answer: String) -> Reply {
    let upstream = FakeUpstream::start(move |_| vec![Step::Write(answer.clone())]).await;
    let world = World::new(&upstream.url()).await;
    let key = world.key("mcp:docs").await;
    world.post(&key, "", PING).await
}

#[tokio::test]
async fn what_can_not_be_passed_on_is_502() {
    let json_body = "Content-Type: application/json\r\n";
    for (status, headers, reason) in [
        ("302 Found", "Location: http://127.0.0.1:1/\r\n", "upstream_redirected"),
        ("307 Temporary Redirect", "Location: /other\r\n", "upstream_redirected"),
        ("401 Unauthorized", "WWW-Authenticate: Bearer\r\n", "upstream_wants_credentials"),
        ("407 Proxy Authentication Required", json_body, "upstream_wants_credentials"),
        ("200 OK", "Content-Type: application/json\r\nContent-Encoding: gzip\r\n", "upstream_bad_answer"),
        ("200 OK", "Content-Type: application/json\r\nMcp-Session-Id: a b\r\n", "upstream_bad_answer"),
    ] {
        let reply = answered(with(status, headers, "{}")).await;
        assert_eq!((reply.status, reply.reason().as_str()), (502, reason), "{status} {headers}");
        assert!(reply.header("location").is_none() && reply.header("www-authenticate").is_none());
        assert_eq!(reply.json()["id"], 1);
    }
    assert_eq!(answered("nonsense\r\n\r\n".to_owned()).await.reason(), "upstream_broken");
    let long = format!("X-Long: {}\r\n", "a".repeat(80_000));
    assert_eq!(answered(with("200 OK", &long, "{}")).await.reason(), "upstream_broken");
}

#[tokio::test]
async fn the_upstreams_own_refusals_are_kept() {
    for status in ["400 Bad Request", "403 Forbidden", "404 Not Found", "405 Method Not Allowed", "500 Oops"]
    {
        let body = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}"#;
        let reply = answered(with(status, "Content-Type: application/json\r\n", body)).await;
        assert_eq!(reply.status, status[..3].parse::<u16>().unwrap());
        assert_eq!(reply.body, body);
    }
    let accepted = answered(with("202 Accepted", "", "")).await;
    assert_eq!((accepted.status, accepted.body.as_str()), (202, ""));
}

#[tokio::test]
async fn cookies_cors_and_foreign_bodies_do_not_pass() {
    let headers = "Content-Type: application/json\r\nSet-Cookie: a=b\r\nAccess-Control-Allow-Origin: *\r\n\
                   Server: secret/1.0\r\nRetry-After: 7\r\nLocation: /x\r\nX-Internal: y\r\nCache-Control: public\r\n";
    let reply = answered(with("200 OK", headers, "{}")).await;
    for name in ["set-cookie", "access-control-allow-origin", "server", "location", "x-internal"] {
        assert!(reply.header(name).is_none(), "{name}");
    }
    assert_eq!(reply.header("retry-after"), Some("7"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let html = answered(with("404 Not Found", "Content-Type: text/html\r\n", "<script>")).await;
    assert_eq!((html.status, html.body.as_str()), (404, ""));
    assert!(html.header("content-type").is_none());
}

#[tokio::test]
async fn nothing_in_place_of_an_answer_is_502_and_nothing_in_answer_to_a_notification_passes() {
    const EVENTS: &str = "Content-Type: text/event-stream\r\n";
    const JSON: &str = "Content-Type: application/json\r\n";
    const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let chunked =
        |headers: &str| format!("HTTP/1.1 200 OK\r\n{headers}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    let empty = "answer to a request is empty";
    for (answer, told) in [
        (with("200 OK", "Content-Type: text/html\r\n", "<h1>hi</h1>"), "text/html"),
        (with("200 OK", "", "{}"), "of no type"),
        (with("204 No Content", "", ""), "of no type"),
        (with("200 OK", JSON, ""), empty),
        (with("200 OK", JSON, " \r\n"), empty),
        (with("200 OK", EVENTS, ""), empty),
        (chunked(JSON), empty),
        (chunked(EVENTS), empty),
    ] {
        let upstream = FakeUpstream::start({
            let answer = answer.clone();
            move |_| vec![Step::Write(answer.clone())]
        })
        .await;
        let world = World::new(&upstream.url()).await;
        for scopes in ["mcp:docs", "mcp:docs:tools:add"] {
            let key = world.key(scopes).await;
            for request in [PING, LIST] {
                let reply = world.post(&key, "", request).await;
                assert_eq!((reply.status, reply.reason().as_str()), (502, "upstream_no_answer"), "{answer}");
                assert_eq!(reply.json()["id"], 1);
            }
            let reply = world.post(&key, "", INITIALIZED).await;
            assert_eq!((reply.status, reply.body.trim()), (answer[9..12].parse().unwrap(), ""), "{answer}");
        }
        let lines = world.access_lines().await;
        assert!(lines.contains("upstream_no_answer") && lines.contains(told), "{answer}: {lines}");
    }
    assert_eq!(answered(with("202 Accepted", "", "")).await.status, 202);
}

/// The head has gone down by then.
#[tokio::test]
async fn an_answer_that_turns_out_to_be_empty_is_cut_off() {
    for (media, ends_well) in [("application/json", false), ("text/event-stream", true)] {
        let end = Arc::new(Notify::new());
        let upstream = FakeUpstream::start({
            let end = Arc::clone(&end);
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Type: {media}\r\nTransfer-Encoding: chunked\r\n\r\n");
            move |_| {
                vec![
                    Step::Write(head.clone()),
                    Step::Wait(Arc::clone(&end)),
                    Step::Write("0\r\n\r\n".to_owned()),
                ]
            }
        })
        .await;
        let world = World::new(&upstream.url()).await;
        let key = world.key("mcp:docs").await;
        let mut connection = Connection::open(world.address).await;
        connection.write(&post(&format!("Authorization: Bearer {}\r\n", key.text), PING)).await;
        assert_eq!(connection.head().await.status, 200);
        end.notify_one();
        // An event stream just ends, as whenever it is cut.
        if ends_well {
            assert_eq!(connection.chunk().await, None);
        } else {
            assert_eq!(connection.rest().await, "");
        }
        let lines = world.access_lines().await;
        assert!(lines.contains("upstream_no_answer"), "{media}: {lines}");
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
        let answer = with(status, "Content-Type: text/html\r\n", "<h1>no</h1>");
        let upstream = FakeUpstream::start(move |_| vec![Step::Write(answer.clone())]).await;
        let world = World::new(&upstream.url()).await;
        let key = world.key("mcp:docs").await;
        assert_eq!(world.post(&key, "", PING).await.body, "");
        let lines = world.access_lines().await;
        assert_eq!(lines.contains("\"text/html\\\": its body is dropped"), told, "{status}: {lines}");
    }
}

#[tokio::test]
async fn one_content_type_passes_and_says_no_more_than_what_was_judged() {
    for (headers, passes) in [
        ("Content-Type: application/json; charset=utf-7\r\n", "application/json"),
        ("Content-Type: application/json\r\nContent-Type: text/html\r\n", "application/json"),
        ("Content-Type: Application/Problem+JSON; x=\"<script>\"\r\n", "application/problem+json"),
        ("Content-Type: text/event-stream;charset=utf-7\r\n", "text/event-stream"),
    ] {
        let reply = answered(with("200 OK", headers, "{}")).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, Some(passes)), "{headers}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    }
    let html =
        answered(with("200 OK", "Content-Type: text/html\r\nContent-Type: application/json\r\n", "{}"));
    assert_eq!(html.await.reason(), "upstream_no_answer");
}

#[tokio::test]
async fn an_upstream_that_hangs_is_504_and_one_that_is_gone_502() {
    let upstream = FakeUpstream::start(|_| vec![Step::Wait(Arc::new(Notify::new()))]).await;
    let settings = RequestSettings { response_timeout: Duration::from_millis(60), ..settings() };
    let world = World::with(&upstream.url(), settings).await;
    let key = world.key("mcp:docs").await;
    let hangs = world.post(&key, "", PING).await;
    assert_eq!((hangs.status, hangs.reason().as_str()), (504, "upstream_timeout"));
    upstream.gateway_has_closed(1).await;

    let gone = World::new("http://127.0.0.1:1/mcp").await;
    let key = gone.key("mcp:docs").await;
    let reply = gone.post(&key, "", PING).await;
    assert_eq!((reply.status, reply.reason().as_str()), (502, "upstream_unreachable"));
    assert!(!reply.body.contains("127.0.0.1"));
}

#[tokio::test]
async fn an_upstream_on_a_closed_address_is_not_called() {
    let upstream = FakeUpstream::start(|_| vec![Step::Write(json("{}"))]).await;
    let closed = RequestSettings { upstream: open_to(Vec::new()), ..settings() };
    for url in [upstream.url(), format!("http://localhost:{}/", upstream.address.port())] {
        let world = World::with(&url, closed.clone()).await;
        let key = world.key("mcp:docs").await;
        let reply = world.post(&key, "", PING).await;
        assert_eq!((reply.status, reply.reason().as_str()), (502, "upstream_address_refused"), "{url}");
    }
    assert_eq!(upstream.seen.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_connection_that_the_upstream_closed_while_idle_costs_no_502() {
    let upstream = FakeUpstream::start(|_| vec![Step::Write(json("{}")), Step::Close]).await;
    let world = World::new(&upstream.url()).await;
    let key = world.key("mcp:docs").await;
    for n in 1..=50 {
        assert_eq!(world.post(&key, "", PING).await.status, 200);
        // The next call comes right after the close, whether or not the gateway has heard of it.
        while upstream.seen.ended.load(Ordering::SeqCst) < n {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(upstream.requests().len(), 50);
    assert_eq!(upstream.seen.connections.load(Ordering::SeqCst), 50);
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let upstream = FakeUpstream::start(|_| vec![Step::Write(json("{}"))]).await;
    let world = World::new(&upstream.url()).await;
    let key = world.key("mcp:docs").await;
    for _ in 0..5 {
        assert_eq!(world.post(&key, "", PING).await.status, 200);
    }
    assert_eq!(upstream.seen.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn connections_are_kept_for_another_call_up_to_a_bound_over_all_upstreams() {
    let answering = async || FakeUpstream::start(|_| vec![Step::Write(json("{}"))]).await;
    let (first, second) = (answering().await, answering().await);
    let one = UpstreamConfig { max_idle: 1, ..settings().upstream };
    let world = World::with(&first.url(), RequestSettings { upstream: one, ..settings() }).await;
    world.server_registered(world.organization, ServerId::new(new_id()), "more", &second.url());
    let key = world.key("mcp:*").await;
    for _ in 0..3 {
        for server in ["docs", "more"] {
            let request = post(&format!("X-API-Key: {}\r\n", key.text), PING);
            let request = request.replace("/mcp/acme/docs", &format!("/mcp/acme/{server}"));
            assert_eq!(world.exchange(&request).await.status, 200);
        }
    }
    assert_eq!(first.seen.connections.load(Ordering::SeqCst), 1);
    assert_eq!(second.seen.connections.load(Ordering::SeqCst), 3);
    second.gateway_has_closed(3).await;
}

#[tokio::test]
async fn a_call_that_reached_the_upstream_is_never_sent_again() {
    let upstream = FakeUpstream::start(|n| match n {
        0 => vec![Step::Write(json("{}"))],
        // On a connection that was used before, after the whole request.
        _ => vec![Step::Close],
    })
    .await;
    let world = World::new(&upstream.url()).await;
    let key = world.key("mcp:docs").await;
    assert_eq!(world.post(&key, "", PING).await.status, 200);
    let lost = world.post(&key, "", PING).await;
    assert_eq!((lost.status, lost.reason().as_str()), (502, "upstream_broken"));
    assert_eq!(upstream.requests().len(), 2);
}
