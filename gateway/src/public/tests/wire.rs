use std::time::Duration;

use events::key::{KeyEvent, Revoked};
use events::server::Changed;

use super::client::{Connection, PING, Reply, post};
use super::upstream::{FakeUpstream, Step, json};
use super::world::{Key, Listening, World, listening, settings};
use crate::listener::Bounds;
use crate::request::RequestSettings;

async fn upstream() -> FakeUpstream {
    FakeUpstream::start(|_| vec![Step::Write(json("{}"))]).await
}

#[tokio::test]
async fn a_body_with_two_framings_reaches_the_upstream_with_one() {
    let upstream = upstream().await;
    let world = World::new(&upstream.url()).await;
    let key = world.key("mcp:docs").await;
    let smuggled = format!("POST /mcp/acme/docs HTTP/1.1\r\nX-API-Key: {}\r\n\r\n", key.text);
    let head = format!(
        "POST /mcp/acme/docs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
         Authorization: Bearer {}\r\n",
        key.text
    );
    let chunked = format!("{:x}\r\n{PING}\r\n0\r\n\r\n", PING.len());
    for framing in [
        format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n", chunked.len()),
        format!("Transfer-Encoding: chunked\r\nContent-Length: {}\r\n", chunked.len() + smuggled.len()),
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n".to_owned(),
    ] {
        let before = upstream.requests().len();
        let mut connection = Connection::open(world.address).await;
        connection.write(&format!("{head}{framing}\r\n{chunked}{smuggled}")).await;
        let answers = connection.rest().await;
        assert_eq!(answers.matches("HTTP/1.1 ").count(), 1, "one answer, then the end: {answers}");
        for request in &upstream.requests()[before..] {
            assert!(request.ends_with(PING), "{request}");
            assert_eq!(request.matches("content-length").count(), 1, "{request}");
        }
        assert!(upstream.requests().len() <= before + 1);
    }
}

#[tokio::test]
async fn framings_that_parsers_disagree_on_are_refused() {
    let upstream = upstream().await;
    let world = World::new(&upstream.url()).await;
    let key = world.key("mcp:docs").await;
    for framing in [
        "Content-Length: 40\r\nContent-Length: 41\r\n\r\n",
        "Content-Length: +40\r\n\r\n",
        "Content-Length: 4 0\r\n\r\n",
        "Transfer-Encoding: chunked, identity\r\n\r\n",
        "Transfer-Encoding: xchunked\r\n\r\n",
        "Transfer-Encoding : chunked\r\n\r\n",
        "Content-Length: 40\r\n\tContent-Length: 41\r\n\r\n",
    ] {
        let mut connection = Connection::open(world.address).await;
        let head = format!(
            "POST /mcp/acme/docs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
             Authorization: Bearer {}\r\n",
            key.text
        );
        connection.write(&format!("{head}{framing}{PING}")).await;
        let answers = connection.rest().await;
        assert!(answers.starts_with("HTTP/1.1 400"), "{framing:?}: {answers}");
    }
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn headers_and_bodies_have_bounds() {
    let upstream = upstream().await;
    let world = World::with(&upstream.url(), RequestSettings { max_body_bytes: 1_000, ..settings() }).await;
    let key = world.key("mcp:docs").await;
    let long = format!("X-Long: {}\r\n", "a".repeat(40_000));
    assert_eq!(world.post(&key, &long, PING).await.status, 431);
    let many: String = (0..200).map(|n| format!("X-{n}: a\r\n")).collect();
    assert_eq!(world.post(&key, &many, PING).await.status, 431);

    let arguments = "a".repeat(1_000);
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"x":"{arguments}"}}}}"#);
    let declared = world.post(&key, "", &body).await;
    assert_eq!((declared.status, declared.reason().as_str()), (413, "body_too_long"));
    let mut connection = Connection::open(world.address).await;
    let head = post(&format!("Authorization: Bearer {}\r\n", key.text), "")
        .replace("Content-Length: 0", "Transfer-Encoding: chunked");
    connection.write(&format!("{head}{:x}\r\n{body}\r\n0\r\n\r\n", body.len())).await;
    assert_eq!(connection.reply().await.status, 413);

    let encoded = world.post(&key, "Content-Encoding: gzip\r\n", PING).await;
    assert_eq!((encoded.status, encoded.reason().as_str()), (415, "content_encoding"));
    let form = post(&format!("Authorization: Bearer {}\r\n", key.text), PING)
        .replace("application/json\r\nAccept", "text/plain\r\nAccept");
    assert_eq!(world.exchange(&form).await.reason(), "content_type");
    let get = format!(
        "GET /mcp/acme/docs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: 2\r\n\r\n{{}}",
        key.text
    );
    assert_eq!(world.exchange(&get).await.reason(), "unexpected_body");
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn a_slow_client_is_not_waited_for() {
    let upstream = upstream().await;
    let short = Duration::from_millis(50);
    let settings = RequestSettings { body_timeout: short, ..settings() };
    let listening = Listening { bounds: Bounds { head: short, ..Bounds::default() }, ..listening() };
    let world = World::listening(&upstream.url(), settings, listening).await;
    let key = world.key("mcp:docs").await;
    let request = post(&format!("Authorization: Bearer {}\r\n", key.text), PING);
    let mut body = Connection::open(world.address).await;
    body.write(&request[..request.len() - 5]).await;
    assert_eq!(body.reply().await.status, 408);
    assert_eq!(body.rest().await, "");
    let mut head = Connection::open(world.address).await;
    head.write(&request[..40]).await;
    let answer = head.rest().await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let upstream = FakeUpstream::start(|n| vec![Step::Write(json(&format!("{{\"n\":{n}}}")))]).await;
    let world = World::new(&upstream.url()).await;
    let key = world.key("mcp:docs").await;
    let request = post(&format!("Authorization: Bearer {}\r\n", key.text), PING);
    let refused = post("", PING);
    let mut connection = Connection::open(world.address).await;
    connection.write(&format!("{request}{refused}{request}")).await;
    assert_eq!(connection.reply().await.json()["n"], 0);
    assert_eq!(connection.reply().await.status, 401);
    assert_eq!(connection.reply().await.json()["n"], 1);
}

/// Sends all of a call but its last byte, makes a change, and sends that.
async fn change_within_body(world: &World, key: &Key, change: impl AsyncFnOnce()) -> Reply {
    let request = post(&format!("Authorization: Bearer {}\r\nExpect: 100-continue\r\n", key.text), PING);
    let (most, last) = request.split_at(request.len() - 1);
    let mut connection = Connection::open(world.address).await;
    connection.write(most).await;
    // The gateway asks for the body: it has checked what it can before.
    assert_eq!(connection.head().await.status, 100);
    change().await;
    connection.write(last).await;
    connection.reply().await
}

#[tokio::test]
async fn a_key_that_is_revoked_while_its_body_comes_reaches_nothing() {
    let upstream = upstream().await;
    let world = World::new(&upstream.url()).await;
    let key = world.key("mcp:docs").await;
    let reply = change_within_body(&world, &key, async || {
        world.key_event(&key, KeyEvent::Revoked(Revoked { reason: None }));
        world.told().await;
    })
    .await;
    assert_eq!((reply.status, reply.reason().as_str()), (401, "revoked"));
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn a_server_that_changes_while_the_body_comes_is_called_as_it_is_then() {
    let (before, after) = (upstream().await, upstream().await);
    let world = World::new(&before.url()).await;
    let key = world.key("mcp:docs").await;
    let change = |upstream: Option<String>, enabled| {
        let upstream = upstream.map(|url| url.parse().unwrap());
        world.server_changed(Changed { upstream, enabled, name: None, settings: None });
    };
    let reply = change_within_body(&world, &key, async || {
        change(Some(after.url()), None);
        world.told().await;
    })
    .await;
    assert_eq!(reply.status, 200);
    let reply = change_within_body(&world, &key, async || {
        change(None, Some(false));
        world.told().await;
    })
    .await;
    assert_eq!((reply.status, reply.reason().as_str()), (503, "server_disabled"));
    assert_eq!((before.requests().len(), after.requests().len()), (0, 1));
}
