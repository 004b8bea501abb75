//! What is held of requests' bodies, and for how long.

use std::sync::Arc;

use events::{OrganizationId, Owner, ServerId};
use tokio::sync::Notify;

use super::client::{Connection, PING, post};
use super::upstream::{FakeUpstream, Step, json, with};
use super::world::{Key, World, new_id, settings};
use crate::request::RequestSettings;

#[tokio::test]
async fn a_body_is_let_go_once_it_is_written() {
    let go_on = Arc::new(Notify::new());
    let told = Arc::clone(&go_on);
    let upstream =
        FakeUpstream::start(move |_| vec![Step::Wait(Arc::clone(&told)), Step::Write(json("{}"))]).await;
    let world = World::new(&upstream.url()).await;
    let key = world.key("mcp:docs").await;
    let long = PING.replace("ping\"", &format!("ping\",\"params\":{{\"x\":\"{}\"}}", "x".repeat(1_000_000)));
    let mut connection = Connection::open(world.address).await;
    connection.write(&post(&format!("Authorization: Bearer {}\r\n", key.text), &long)).await;
    super::until("the upstream has it", || async { !upstream.requests().is_empty() }).await;
    super::until("it is let go", || async { world.door.held_bytes() == 0 }).await;
    go_on.notify_one();
    assert_eq!(connection.reply().await.status, 200);
}

/// A body of which the end does not come, once the gateway has asked for it.
async fn unfinished(world: &World, key: &Key, bytes: usize) -> Connection {
    let before = world.door.held_bytes();
    let headers = format!("Authorization: Bearer {}\r\nExpect: 100-continue\r\n", key.text);
    let mut connection = Connection::open(world.address).await;
    let head = post(&headers, "").replace("Content-Length: 0", &format!("Content-Length: {}", bytes + 1));
    connection.write(&head).await;
    assert_eq!(connection.head().await.status, 100);
    connection.write(&"x".repeat(bytes)).await;
    super::until("it is held", || async { world.door.held_bytes() == before + bytes }).await;
    connection
}

#[tokio::test]
async fn nobodys_bodies_keep_others_from_being_read() {
    let upstream = FakeUpstream::start(|_| vec![Step::Write(json("{}"))]).await;
    let settings = RequestSettings { max_body_bytes: 1_000, max_held_bytes: 8_000, ..settings() };
    let world = World::with(&upstream.url(), settings).await;
    let other = OrganizationId::new(new_id());
    world.organization_created(other, "other");
    world.server_registered(other, ServerId::new(new_id()), "docs", &upstream.url());
    let keys = [world.key("mcp:docs").await, world.key("mcp:docs").await, world.key("mcp:docs").await];
    let foreign = world.issue(Owner::Organization(other), "mcp:docs", |_| {});
    world.told().await;

    let _first = unfinished(&world, &keys[0], 990).await;
    let refused = world.post(&keys[0], "", PING).await;
    assert_eq!((refused.status, refused.reason().as_str()), (429, "share_full"));
    assert_eq!(refused.header("retry-after"), Some("1"));
    let _second = unfinished(&world, &keys[1], 990).await;
    assert_eq!(world.post(&keys[2], "", PING).await.reason(), "share_full", "the owner's share");
    let request = post(&format!("Authorization: Bearer {}\r\n", foreign.text), PING);
    assert_eq!(world.exchange(&request.replace("/mcp/acme/", "/mcp/other/")).await.status, 200);
}

#[tokio::test]
async fn a_body_that_is_framed_and_empty_is_none() {
    let events = with("200 OK", "Content-Type: text/event-stream\r\n", "");
    let upstream = FakeUpstream::start(move |_| vec![Step::Write(events.clone())]).await;
    let world = World::new(&upstream.url()).await;
    let key = world.key("mcp:docs").await;
    let mut connection = Connection::open(world.address).await;
    for (body, status) in [("", 200), ("2\r\n{}\r\n", 400), ("", 200)] {
        for method in ["GET", "DELETE"] {
            let request = format!(
                "{method} /mcp/acme/docs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
                 Transfer-Encoding: chunked\r\n\r\n{body}0\r\n\r\n",
                key.text
            );
            connection.write(&request).await;
            let reply = connection.reply().await;
            assert_eq!(reply.status, status, "{method} {body:?}: {reply:?}");
        }
    }
    assert!(upstream.requests().iter().all(|request| !request.contains("transfer-encoding")));
}
