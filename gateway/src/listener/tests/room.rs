//! The times that a connection has, and what a full listener does.

use axum::routing::get;

use super::client::Connection;
use super::*;

const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const WAIT: &str = "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n";

fn short() -> Duration {
    Duration::from_millis(200)
}

#[tokio::test]
async fn a_connection_that_waits_is_ended_in_its_time() {
    let open = Open::with(100, Bounds { idle: short(), ..Bounds::default() });
    let mut unused = Connection::open(open.address).await;
    assert_eq!(unused.end().await, "");
    let mut used = Connection::open(open.address).await;
    for _ in 0..4 {
        tokio::time::sleep(short() / 4).await;
        used.write(GET).await;
        assert_eq!(used.reply().await.status, 200);
    }
    assert_eq!(used.end().await, "");
    // A request under way is not waiting.
    let mut busy = Connection::open(open.address).await;
    busy.write(WAIT).await;
    tokio::time::sleep(short() * 2).await;
    open.handler.go_on.notify_one();
    assert_eq!(busy.reply().await.body, "waited");
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_not_waited_for() {
    let open = Open::with(100, Bounds { head: short(), ..Bounds::default() });
    let mut connection = Connection::open(open.address).await;
    connection.write(GET).await;
    connection.reply().await;
    // Between two requests there is another time.
    tokio::time::sleep(short() * 2).await;
    connection.write(&GET[..10]).await;
    assert_eq!(connection.rest().await, "");
}

#[tokio::test]
async fn who_sends_requests_and_reads_nothing_is_cut_off() {
    let open = Open::with(100, Bounds { unread: short(), ..Bounds::default() });
    let mut connection = Connection::open(open.address).await;
    connection.write(&"GET /large HTTP/1.1\r\nHost: x\r\n\r\n".repeat(3)).await;
    open.asked(1).await;
    tokio::time::sleep(short() * 3).await;
    // What lay in the buffers, and then the end.
    assert!(connection.rest().await.len() < 32 * 1024 * 1024);
}

#[tokio::test]
async fn a_full_listener_lets_a_new_connection_in_for_one_that_waits() {
    let open = Open::with(2, Bounds::default());
    let mut waits = Connection::open(open.address).await;
    waits.write(GET).await;
    waits.reply().await;
    let mut busy = Connection::open(open.address).await;
    busy.write(WAIT).await;
    open.asked(2).await;
    let mut new = Connection::open(open.address).await;
    new.write(GET).await;
    assert_eq!(new.reply().await.status, 200);
    assert_eq!(waits.end().await, "");
    open.handler.go_on.notify_one();
    assert_eq!(busy.reply().await.body, "waited");
}

#[tokio::test]
async fn a_full_listener_lets_a_new_connection_in_for_one_that_reads_nothing() {
    let open = Open::with(2, Bounds::default());
    let mut held = Vec::new();
    for number in 1..=2 {
        let mut connection = Connection::open(open.address).await;
        connection.write("GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await;
        open.asked(number).await;
        held.push(connection);
    }
    let mut new = Connection::open(open.address).await;
    new.write(GET).await;
    assert_eq!(new.reply().await.status, 200);
}

#[tokio::test]
async fn a_full_listener_interrupts_no_request() {
    let open = Open::with(1, Bounds::default());
    let mut busy = Connection::open(open.address).await;
    busy.write(WAIT).await;
    open.asked(1).await;
    let mut new = Connection::open(open.address).await;
    new.write(GET).await;
    let early = tokio::time::timeout(Duration::from_millis(1_500), new.head()).await;
    assert!(early.is_err(), "there is no place yet");
    open.handler.go_on.notify_one();
    let answer = busy.reply().await;
    assert_eq!((answer.body.as_str(), answer.header("connection")), ("waited", Some("close")));
    assert_eq!(new.reply().await.status, 200);
}

/// One as the public listener's, and one as those of the admin and the metrics listener are.
#[tokio::test]
async fn a_handler_that_panics_is_a_500_that_is_counted_and_takes_nobody_with_it() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let counted = recorder.handle();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let bare = |name| {
        let handler = Handler::default();
        Open::serving(name, handler.clone(), handler, 10, Bounds::default(), None)
    };
    let routed = |name| {
        let router = axum::Router::new()
            .route("/panic", get(async || -> &'static str { panic!("as the test asked") }))
            .fallback(async || "here");
        Open::serving(name, router, Handler::default(), 10, Bounds::default(), None)
    };
    for (name, open) in
        [("public", bare("public")), ("admin", routed("admin")), ("metrics", routed("metrics"))]
    {
        let mut connection = Connection::open(open.address).await;
        for _ in 0..2 {
            connection.write("GET /panic HTTP/1.1\r\nHost: x\r\n\r\n").await;
            let answer = connection.reply().await;
            assert_eq!(answer.status, 500);
            assert_eq!(answer.json()["type"], "urn:keyledger:problem:internal");
            connection.write(GET).await;
            assert_eq!(connection.reply().await.status, 200);
        }
        let count = format!("keyledger_panics_total{{place=\"{name}\"}} 2\n");
        assert!(counted.render().contains(&count), "{}", counted.render());
    }
}
