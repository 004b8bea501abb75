//! A proxy takes a server that breaks a connection for one that has failed, and leaves it out for a while. So
//! nobody without a key may bring a node to break one, however long and slow its bodies are.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use keyledger_tests::fleet::{Fleet, Plan};
use keyledger_tests::mcp;
use keyledger_tests::poll::{until, within};
use keyledger_tests::servers::Nginx;
use keyledger_tests::upstreams::{McpServer, Upstream};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Good calls through each of nginx's two ways.
const CALLS: usize = 100;
/// A body, its framing, and the pauses between its pieces.
const BODIES: &[(usize, bool, u64)] = &[
    (20_000, false, 0),
    (20_000, true, 5),
    (100_000, false, 0),
    (100_000, true, 1),
    (300_000, true, 20),
    (1_000_000, false, 0),
    (4_000_000, true, 0),
    (32_000_000, false, 0),
    (32_000_000, true, 0),
];
const PIECE: usize = 16 * 1024;

#[tokio::test]
async fn behind_nginx_good_calls_pass_while_bodies_come_without_a_key() {
    let fleet = Fleet::with(Plan { nodes: 2, ..Plan::default() }).await;
    let upstream = Upstream::start(McpServer::default()).await;
    let ready = fleet.ready(&upstream).await;
    let servers: Vec<_> = fleet.nodes.iter().map(|node| node.public).collect();
    let nginx = Nginx::before(&servers).await;

    let over = Arc::new(AtomicBool::new(false));
    let refused = Arc::new(AtomicUsize::new(0));
    let mut callers = JoinSet::new();
    for way in [nginx.whole, nginx.passing] {
        for body in BODIES {
            let (over, refused, path) = (Arc::clone(&over), Arc::clone(&refused), ready.path.clone());
            callers.spawn(async move {
                while !over.load(Ordering::SeqCst) {
                    assert_eq!(without_a_key(way, &path, *body).await, 401, "{body:?}");
                    refused.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    }
    // Each of them has been at it.
    until("bodies come", Duration::from_secs(60), async || match refused.load(Ordering::SeqCst) {
        some if some >= 2 * BODIES.len() => Ok(()),
        some => Err(some),
    })
    .await;
    let call = mcp::call(&ready.path, "echo", &json!({})).bearer(&ready.key.secret);
    for _ in 0..CALLS {
        for way in [nginx.whole, nginx.passing] {
            let answer = call.send(way).await;
            assert_eq!(
                answer.status,
                200,
                "{answer:?}; {}; nginx: {}",
                refused.load(Ordering::SeqCst),
                nginx.said()
            );
        }
    }
    over.store(true, Ordering::SeqCst);
    within("the last bodies", Duration::from_secs(60), async {
        while let Some(ended) = callers.join_next().await {
            ended.unwrap();
        }
    })
    .await;
    assert!(!nginx.said().contains("upstream prematurely closed"), "{}", nginx.said());
}

/// Sends all of a body, however the answer comes, and gives the answer's status.
async fn without_a_key(to: SocketAddr, path: &str, (bytes, chunked, pause): (usize, bool, u64)) -> u16 {
    let mut stream = TcpStream::connect(to).await.unwrap();
    let framing =
        if chunked { "Transfer-Encoding: chunked".to_owned() } else { format!("Content-Length: {bytes}") };
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n{framing}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut reading, mut writing) = stream.split();
    let write = async {
        let mut left = bytes;
        while left > 0 {
            let piece = left.min(PIECE);
            left -= piece;
            let text = "x".repeat(piece);
            let text = if chunked { format!("{piece:x}\r\n{text}\r\n") } else { text };
            // nginx itself may close once it has answered.
            if writing.write_all(text.as_bytes()).await.is_err() {
                return;
            }
            if pause > 0 {
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
        }
        if chunked {
            let _ = writing.write_all(b"0\r\n\r\n").await;
        }
    };
    let read = async {
        let mut answer = vec![0; 12];
        reading.read_exact(&mut answer).await.map(|_| answer)
    };
    let (answer, ()) =
        within("an answer", Duration::from_secs(60), async { tokio::join!(read, write) }).await;
    let answer = String::from_utf8(answer.expect("an answer")).unwrap();
    answer
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3))
        .unwrap_or_default()
        .parse()
        .unwrap_or_default()
}
