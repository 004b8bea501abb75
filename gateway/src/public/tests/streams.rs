use std::sync::Arc;
use std::time::Duration;

use events::key::{KeyEvent, Revoked};
use events::organization::OrganizationEvent;
use events::server::{Changed, UpstreamSettings};
use tokio::sync::Notify;

use super::client::{Connection, PING, post};
use super::upstream::{FakeUpstream, Step, json};
use super::world::{self, Key, Listening, World, settings};
use crate::listener::Bounds;
use crate::request::RequestSettings;

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

fn chunk(text: &str) -> Step {
    Step::Write(format!("{:x}\r\n{text}\r\n", text.len()))
}

/// Sends an event, and a second one when told.
pub async fn stream() -> (FakeUpstream, Arc<Notify>) {
    let go_on = Arc::new(Notify::new());
    let told = Arc::clone(&go_on);
    let upstream = FakeUpstream::start(move |_| {
        vec![
            Step::Write(HEAD.to_owned()),
            chunk("data: 1\n\n"),
            Step::Wait(Arc::clone(&told)),
            chunk("data: 2\n\n"),
            chunk(""),
        ]
    })
    .await;
    (upstream, go_on)
}

async fn open(world: &World, key: &Key) -> Connection {
    opened(world, &post(&format!("Authorization: Bearer {}\r\n", key.text), PING)).await
}

/// Opens the server's own stream, which has no end.
async fn listening(world: &World, key: &Key) -> Connection {
    let get = format!("GET /mcp/acme/docs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", key.text);
    opened(world, &get).await
}

/// Looks come, one after the other.
fn looking() -> RequestSettings {
    RequestSettings { recheck_every: Duration::from_millis(20), ..settings() }
}

pub async fn opened(world: &World, request: &str) -> Connection {
    let mut connection = Connection::open(world.address).await;
    connection.write(request).await;
    let head = connection.head().await;
    assert_eq!(head.status, 200);
    assert_eq!(head.header("x-accel-buffering"), Some("no"));
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
    connection
}

#[tokio::test]
async fn events_arrive_as_they_are_sent() {
    let (upstream, go_on) = stream().await;
    let world = World::new(&upstream.url()).await;
    let key = world.key("mcp:docs").await;
    let mut connection = open(&world, &key).await;
    assert_eq!(connection.chunk().await.as_deref(), Some("data: 1\n\n"));
    go_on.notify_one();
    assert_eq!(connection.chunk().await.as_deref(), Some("data: 2\n\n"));
    assert_eq!(connection.chunk().await, None);
    // Its connections are good for another call, both of them.
    connection.write(&post(&format!("Authorization: Bearer {}\r\n", key.text), PING)).await;
    connection.head().await;
    assert_eq!(upstream.seen.connections.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_client_that_leaves_is_told_to_the_upstream() {
    let (upstream, _go_on) = stream().await;
    let world = World::new(&upstream.url()).await;
    let key = world.key("mcp:docs").await;
    let mut connection = open(&world, &key).await;
    connection.chunk().await;
    drop(connection);
    upstream.gateway_has_closed(1).await;
}

#[tokio::test]
async fn a_client_that_leaves_before_the_answer_is_told_to_the_upstream() {
    let upstream = FakeUpstream::start(|_| vec![Step::Wait(Arc::new(Notify::new()))]).await;
    let world = World::new(&upstream.url()).await;
    let key = world.key("mcp:docs").await;
    let mut connection = Connection::open(world.address).await;
    connection.write(&post(&format!("Authorization: Bearer {}\r\n", key.text), PING)).await;
    super::until("the upstream has it", || async { !upstream.requests().is_empty() }).await;
    drop(connection);
    upstream.gateway_has_closed(1).await;
}

#[tokio::test]
async fn an_upstream_that_breaks_off_is_told_to_the_client() {
    let upstream =
        FakeUpstream::start(|_| vec![Step::Write(HEAD.to_owned()), chunk("data: 1\n\n"), Step::Close]).await;
    let world = World::new(&upstream.url()).await;
    let key = world.key("mcp:docs").await;
    let rest = open(&world, &key).await.rest().await;
    assert!(rest.contains("data: 1") && !rest.ends_with("0\r\n\r\n"), "not the end of a whole body: {rest}");
}

#[tokio::test]
async fn a_stream_ends_when_its_key_may_no_longer_have_it() {
    type Change = fn(&World, &Key);
    let changes: [(&str, Change); 7] = [
        ("revoked", |world, key| world.key_event(key, KeyEvent::Revoked(Revoked { reason: None }))),
        ("disabled", |world, key| {
            world.key_event(key, KeyEvent::Disabled(events::key::Disabled { reason: None }));
        }),
        ("expired", |world, key| {
            let expires_at = Some(world.door.clock().now());
            world.key_event(key, KeyEvent::ExpiryChanged(events::key::ExpiryChanged { expires_at }));
        }),
        ("expiring", |world, key| {
            let soon = world.door.clock().now().unix_millis() + 100;
            let expires_at = events::Timestamp::from_unix_millis(soon);
            world.key_event(key, KeyEvent::ExpiryChanged(events::key::ExpiryChanged { expires_at }));
        }),
        ("narrowed", |world, key| {
            let scopes = "mcp:mail".parse().unwrap();
            world.key_event(key, KeyEvent::ScopesChanged(events::key::ScopesChanged { scopes }));
        }),
        ("organization suspended", |world, _| {
            let suspended = events::organization::Suspended { reason: None };
            world.organization_event(OrganizationEvent::Suspended(suspended));
        }),
        ("server disabled", |world, _| {
            world.server_changed(Changed {
                upstream: None,
                enabled: Some(false),
                name: None,
                settings: None,
            });
        }),
    ];
    for (name, change) in changes {
        let (upstream, _go_on) = stream().await;
        let world = World::new(&upstream.url()).await;
        let key = world.key("mcp:docs").await;
        let mut connection = open(&world, &key).await;
        connection.chunk().await;
        change(&world, &key);
        // An event stream ends as a whole body: the client asks again, and is refused.
        assert_eq!(connection.chunk().await, None, "{name}");
        upstream.gateway_has_closed(1).await;
    }
}

#[tokio::test]
async fn what_came_while_the_machine_slept_is_looked_at_before_it_passes() {
    let (upstream, go_on) = stream().await;
    let world = World::new(&upstream.url()).await;
    let key = world.key("mcp:docs").await;
    let mut connection = listening(&world, &key).await;
    connection.chunk().await;
    // Nobody is woken by this alone.
    world.door.closing().cancel();
    world.sleep(601);
    go_on.notify_one();
    assert_eq!(connection.chunk().await, None);
    upstream.gateway_has_closed(1).await;
}

#[tokio::test]
async fn a_call_is_not_waited_for_when_its_key_is_revoked() {
    let upstream = FakeUpstream::start(|_| vec![Step::Wait(Arc::new(Notify::new()))]).await;
    let world = World::with(&upstream.url(), looking()).await;
    let key = world.key("mcp:docs").await;
    let mut connection = Connection::open(world.address).await;
    connection.write(&post(&format!("Authorization: Bearer {}\r\n", key.text), PING)).await;
    super::until("the upstream has it", || async { !upstream.requests().is_empty() }).await;
    world.key_event(&key, KeyEvent::Revoked(Revoked { reason: None }));
    let reply = connection.reply().await;
    assert_eq!((reply.status, reply.reason().as_str()), (401, "revoked"));
    upstream.gateway_has_closed(1).await;
}

#[tokio::test]
async fn streams_end_and_calls_are_refused_when_the_gate_closes() {
    let (upstream, _go_on) = stream().await;
    let world = World::new(&upstream.url()).await;
    let key = world.key("mcp:docs").await;
    let mut connection = open(&world, &key).await;
    connection.chunk().await;
    world.installation_closed();
    assert_eq!(connection.chunk().await, None);
    upstream.gateway_has_closed(1).await;
    let reply = world.post(&key, "", PING).await;
    assert_eq!((reply.status, reply.reason().as_str()), (503, "not_ready"));
    assert_eq!(reply.header("retry-after"), Some("1"));
}

#[tokio::test]
async fn an_answer_that_is_no_stream_may_not_fall_silent() {
    let upstream = FakeUpstream::start(|_| {
        vec![
            Step::Write(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{".to_owned(),
            ),
            Step::Wait(Arc::new(Notify::new())),
        ]
    })
    .await;
    let settings = RequestSettings { body_idle_timeout: Duration::from_millis(60), ..settings() };
    let world = World::with(&upstream.url(), settings).await;
    let key = world.key("mcp:docs").await;
    let mut connection = Connection::open(world.address).await;
    connection.write(&post(&format!("Authorization: Bearer {}\r\n", key.text), PING)).await;
    assert_eq!(connection.head().await.status, 200);
    assert_eq!(connection.rest().await, "{");
    upstream.gateway_has_closed(1).await;
}

#[tokio::test]
async fn a_server_has_a_patience_of_its_own() {
    let upstream = FakeUpstream::start(|_| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{";
        vec![Step::Write(head.to_owned()), Step::Wait(Arc::new(Notify::new()))]
    })
    .await;
    // The configuration's would outlast the test.
    let settings = RequestSettings { body_idle_timeout: Duration::from_secs(600), ..settings() };
    let world = World::with(&upstream.url(), settings).await;
    let own = UpstreamSettings { idle_timeout_ms: Some(100.try_into().unwrap()), ..Default::default() };
    world.server_changed(Changed { upstream: None, enabled: None, name: None, settings: Some(own) });
    let key = world.key("mcp:docs").await;
    let mut connection = Connection::open(world.address).await;
    connection.write(&post(&format!("Authorization: Bearer {}\r\n", key.text), PING)).await;
    assert_eq!(connection.head().await.status, 200);
    assert_eq!(connection.rest().await, "{");
    upstream.gateway_has_closed(1).await;
}

#[tokio::test]
async fn a_silent_stream_gets_comments_between_its_events_and_none_within() {
    let go_on = Arc::new(Notify::new());
    let told = Arc::clone(&go_on);
    let upstream = FakeUpstream::start(move |_| {
        vec![
            Step::Write(HEAD.to_owned()),
            Step::Wait(Arc::clone(&told)),
            chunk("data: 1\r\n\r\n"),
            Step::Wait(Arc::clone(&told)),
            chunk("id: 2\ndata: "),
            Step::Wait(Arc::clone(&told)),
            chunk("2\n\n"),
            chunk(""),
        ]
    })
    .await;
    let settings = RequestSettings { comment_every: Duration::from_millis(50), ..settings() };
    let every = settings.comment_every;
    let world = World::with(&upstream.url(), settings).await;
    let key = world.key("mcp:docs").await;
    let mut connection = open(&world, &key).await;
    // Also before the first event, and again and again.
    for _ in 0..3 {
        assert_eq!(connection.chunk().await.as_deref(), Some(":\n\n"));
    }
    let next = async |connection: &mut Connection| loop {
        match connection.chunk().await {
            Some(comment) if comment == ":\n\n" => {}
            other => return other,
        }
    };
    go_on.notify_one();
    assert_eq!(next(&mut connection).await.as_deref(), Some("data: 1\r\n\r\n"));
    assert_eq!(connection.chunk().await.as_deref(), Some(":\n\n"));
    go_on.notify_one();
    assert_eq!(next(&mut connection).await.as_deref(), Some("id: 2\ndata: "));
    // Time for many comments, of which none may come.
    tokio::time::sleep(every * 6).await;
    go_on.notify_one();
    assert_eq!(connection.chunk().await.as_deref(), Some("2\n\n"));
    assert_eq!(connection.chunk().await, None);
}

/// A comment would make it longer than it says.
#[tokio::test]
async fn a_stream_of_a_known_length_gets_no_comments() {
    let go_on = Arc::new(Notify::new());
    let told = Arc::clone(&go_on);
    let upstream = FakeUpstream::start(move |_| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 18\r\n\r\n";
        vec![
            Step::Write(format!("{head}data: 1\n\n")),
            Step::Wait(Arc::clone(&told)),
            Step::Write("data: 2\n\n".to_owned()),
        ]
    })
    .await;
    let settings = RequestSettings { comment_every: Duration::from_millis(50), ..settings() };
    let every = settings.comment_every;
    let world = World::with(&upstream.url(), settings).await;
    let key = world.key("mcp:docs").await;
    let request = format!("Authorization: Bearer {}\r\nConnection: close\r\n", key.text);
    let mut connection = opened(&world, &post(&request, PING)).await;
    tokio::time::sleep(every * 6).await;
    go_on.notify_one();
    assert_eq!(connection.rest().await, "data: 1\n\ndata: 2\n\n");
}

#[tokio::test]
async fn a_process_that_stops_ends_its_streams_and_takes_no_more() {
    let (upstream, _go_on) = stream().await;
    let bounds = Bounds { drain: Duration::from_secs(10), ..Bounds::default() };
    let world = World::bounded(&upstream.url(), bounds).await;
    let key = world.key("mcp:docs").await;
    let mut connection = listening(&world, &key).await;
    connection.chunk().await;
    world.cancel.cancel();
    assert_eq!(connection.chunk().await, None);
    assert_eq!(connection.rest().await, "");
    super::until("nobody listens", || async { tokio::net::TcpStream::connect(world.address).await.is_err() })
        .await;
}

#[tokio::test]
async fn a_process_that_stops_lets_its_calls_end() {
    let node = async |upstream: &FakeUpstream| {
        let bounds = Bounds { drain: Duration::from_secs(10), ..Bounds::default() };
        World::listening(&upstream.url(), looking(), Listening { bounds, ..world::listening() }).await
    };
    // One whose answer is under way, and one whose answer is waited for.
    let (upstream, go_on) = stream().await;
    let world = node(&upstream).await;
    let key = world.key("mcp:docs").await;
    let mut connection = open(&world, &key).await;
    connection.chunk().await;
    world.cancel.cancel();
    world.door.closing().cancelled().await;
    // Several looks later.
    tokio::time::sleep(Duration::from_millis(100)).await;
    go_on.notify_one();
    assert_eq!(connection.chunk().await.as_deref(), Some("data: 2\n\n"));
    assert_eq!(connection.chunk().await, None);

    let go_on = Arc::new(Notify::new());
    let told = Arc::clone(&go_on);
    let upstream =
        FakeUpstream::start(move |_| vec![Step::Wait(Arc::clone(&told)), Step::Write(json("{}"))]).await;
    let world = node(&upstream).await;
    let key = world.key("mcp:docs").await;
    let mut connection = Connection::open(world.address).await;
    connection.write(&post(&format!("Authorization: Bearer {}\r\n", key.text), PING)).await;
    super::until("the upstream has it", || async { !upstream.requests().is_empty() }).await;
    world.cancel.cancel();
    world.door.closing().cancelled().await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    go_on.notify_one();
    assert_eq!(connection.reply().await.status, 200);
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_cut_off() {
    // More than all the buffers between hold.
    let upstream = FakeUpstream::start(|_| {
        let events = (0..64).map(|_| chunk(&"data: x\n\n".repeat(100_000)));
        std::iter::once(Step::Write(HEAD.to_owned())).chain(events).collect()
    })
    .await;
    let bounds = Bounds { unread: Duration::from_millis(300), ..Bounds::default() };
    let world = World::bounded(&upstream.url(), bounds).await;
    let key = world.key("mcp:docs").await;
    let _connection = open(&world, &key).await;
    upstream.gateway_has_closed(1).await;
}
