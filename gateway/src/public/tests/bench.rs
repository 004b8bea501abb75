//! What the door costs: calls through it and calls straight to the upstream, in the same run on the same
//! machine. Run it optimised: `cargo test --release -p keyledger --lib -- --ignored --nocapture the_door`.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use events::clock::{Clock, SystemClock};
use http::{Response, header};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;

use super::client::{Connection, post};
use super::world::{Listening, World, listening, settings};

const CALL: &str =
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add","arguments":{"a":1,"b":2}}}"#;
const ANSWER: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"3"}]}}"#;
const CONNECTIONS: usize = 32;
const FOR: Duration = Duration::from_secs(3);

/// Answers every request alike, on a thread of its own.
fn bare_server() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                let service = service_fn(|request: http::Request<hyper::body::Incoming>| async {
                    http_body_util::BodyExt::collect(request).await.unwrap();
                    let mut response = Response::new(Full::new(Bytes::from_static(ANSWER.as_bytes())));
                    let json = header::HeaderValue::from_static("application/json");
                    response.headers_mut().insert(header::CONTENT_TYPE, json);
                    Ok::<_, Infallible>(response)
                });
                connections.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
    });
    address
}

/// Answers a second.
async fn measured(address: SocketAddr, request: &str) -> f64 {
    let start = SystemClock.instant();
    let mut tasks = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let request = request.to_owned();
        tasks.spawn(async move {
            let mut connection = Connection::open(address).await;
            let mut answers = 0_u32;
            while SystemClock.instant() - start < FOR {
                connection.write(&request).await;
                let reply = connection.reply().await;
                assert_eq!((reply.status, reply.body.as_str()), (200, ANSWER));
                answers += 1;
            }
            answers
        });
    }
    let answers: u32 = tasks.join_all().await.into_iter().sum();
    f64::from(answers) / (SystemClock.instant() - start).as_secs_f64()
}

#[tokio::test]
#[ignore = "measures; run it optimised and alone"]
async fn the_door_beside_a_bare_server() {
    let upstream = bare_server();
    let listening = Listening { threads: 0, ..listening() };
    let world = World::listening(&format!("http://{upstream}/mcp"), settings(), listening).await;
    let key = world.key("mcp:docs:tools:add").await;
    let request = post(&format!("Authorization: Bearer {}\r\n", key.text), CALL);
    measured(world.address, &request).await;
    let bare = measured(upstream, &request).await;
    let door = measured(world.address, &request).await;
    println!(
        "{CONNECTIONS} connections: straight to the upstream {bare:.0}/s, through the door {door:.0}/s, ratio {:.2}",
        door / bare
    );
    assert!(door > 0.0);
}
