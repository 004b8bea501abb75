use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use events::ServerId;
use tokio::sync::Notify;

use super::client::{PING, Reply, post};
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
    assert_eq!((html.status, html.header("content-type")), (502, Some("application/json")));
    assert!(!html.body.contains("script"), "{}", html.body);
}

#[tokio::test]
async fn one_content_type_passes_and_says_no_more_than_what_was_judged() {
    for (headers, passes) in [
        ("Content-Type: application/json; charset=utf-7\r\n", "application/json"),
        ("Content-Type: application/json\r\nContent-Type: text/html\r\n", "application/json"),
        ("Content-Type: Application/Problem+JSON; x=\"<script>\"\r\n", "application/problem+json"),
        ("Content-Type: text/event-stream;charset=utf-7\r\n", "text/event-stream"),
    ] {
        let body = if passes == "text/event-stream" { "data: {}\n\n" } else { "{}" };
        let reply = answered(with("200 OK", headers, body)).await;
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
