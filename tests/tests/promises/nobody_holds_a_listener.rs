//! Connections that send requests and read nothing, as many as a listener takes and more, keep nobody out: an
//! orchestrator that gets no `/livez` would kill the node.

use std::net::SocketAddr;
use std::time::Duration;

use keyledger_tests::poll::within;
use keyledger_tests::spine::Spine;
use keyledger_tests::wire::Ask;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};

/// More than the admin and the metrics listener take at once.
const HOLDERS: usize = 300;
/// An orchestrator's patience with a probe is a second or more; the machine is shared.
const PROBE: Duration = Duration::from_secs(10);

/// A connection with many requests on their way and room for few answers.
async fn holder(listener: SocketAddr, head: &str, requests: usize) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    let raw = socket2::SockRef::from(&socket);
    raw.set_recv_buffer_size(2_048).unwrap();
    raw.set_tcp_mss(536).unwrap();
    let mut stream = socket.connect(listener).await.unwrap();
    let requests = format!("GET {head}\r\n\r\n").repeat(requests);
    stream.write_all(requests.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn livez_and_readyz_answer_whatever_metrics_does() {
    let spine = Spine::start().await;
    let mut holders = Vec::new();
    for _ in 0..HOLDERS {
        holders.push(holder(spine.metrics, "/metrics HTTP/1.1\r\nHost: x", 20).await);
    }
    for path in ["/livez", "/readyz", "/livez"] {
        let answer = within(path, PROBE, Ask::get(path).send(spine.metrics)).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn commands_are_carried_out_whoever_reads_nothing() {
    let spine = Spine::start().await;
    // The longest answer that the admin listener has.
    let head =
        format!("/api/v1/openapi.json HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}", spine.admin_key);
    let mut holders = Vec::new();
    for _ in 0..HOLDERS {
        holders.push(holder(spine.admin, &head, 2).await);
    }
    within("an organization", PROBE, spine.organization("acme")).await;
}
