//! A request that is refused before its body was read gets its refusal, on every listener, and not a broken pipe:
//! a client tells its user why, and a proxy does not take the node for one that has failed.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use keyledger_tests::poll::within;
use keyledger_tests::spine::Spine;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;

const SIZES: [usize; 4] = [20_000, 200_000, 4_000_000, 32_000_000];
const BOUND: Duration = Duration::from_secs(90);

/// A request that each listener refuses by its head alone.
fn refused(spine: &Spine) -> [(SocketAddr, &'static str, u16); 3] {
    [
        (spine.public, "/mcp/acme/docs", 401),
        (spine.admin, "/api/v1/organizations", 401),
        (spine.metrics, "/readyz", 405),
    ]
}

#[tokio::test]
async fn the_next_request_on_its_connection_is_answered_too_or_the_answer_says_that_none_will_be() {
    let spine = Spine::start().await;
    for (listener, path, status) in refused(&spine) {
        for size in SIZES {
            for chunked in [false, true] {
                let mut stream = TcpStream::connect(listener).await.unwrap();
                for _ in 0..2 {
                    let answer = exchange(&mut stream, path, size, chunked).await;
                    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path} {size}: {answer}");
                    let ends = answer.to_ascii_lowercase().contains("connection: close");
                    assert_eq!(ends, size > 256 * 1024, "{path} {size} {chunked}: {answer}");
                    if ends {
                        let mut rest = Vec::new();
                        stream.read_to_end(&mut rest).await.expect("no reset");
                        break;
                    }
                }
            }
        }
    }
}

/// The head, some milliseconds later the body, and then the answer.
async fn exchange(stream: &mut TcpStream, path: &str, size: usize, chunked: bool) -> String {
    let framing =
        if chunked { "Transfer-Encoding: chunked".to_owned() } else { format!("Content-Length: {size}") };
    let head =
        format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{framing}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(5)).await;
    let body = "x".repeat(size);
    let body = if chunked { format!("{size:x}\r\n{body}\r\n0\r\n\r\n") } else { body };
    stream.write_all(body.as_bytes()).await.expect("the connection takes the body");
    within("the answer", BOUND, async {
        let mut answer = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&answer).into_owned();
            if let Some((head, rest)) = text.split_once("\r\n\r\n") {
                let length = head.to_ascii_lowercase().lines().find_map(|line| {
                    line.strip_prefix("content-length: ").and_then(|length| length.parse::<usize>().ok())
                });
                if rest.len() >= length.unwrap_or(0) {
                    return text;
                }
            }
            assert!(stream.read_buf(&mut answer).await.expect("an answer") > 0, "no answer, but: {text:?}");
        }
    })
    .await
}

#[tokio::test]
async fn nodes_fetch_and_pythons_http_client_are_told_the_status() {
    let spine = Spine::start().await;
    for (listener, path, status) in refused(&spine) {
        both_are_told(listener, path, None, status).await;
    }
    let organization = spine.organization("acme").await;
    let key = spine.key(&organization, &["mcp:*"]).await;
    spine.register(&organization, "docs", "http://127.0.0.1:9/").await;
    // No JSON, or too much of it.
    for (listener, path, key, statuses) in [
        (spine.public, "/mcp/acme/docs", key.secret.as_str(), [400, 400, 400, 413]),
        (spine.admin, "/api/v1/organizations", spine.admin_key.as_str(), [400, 413, 413, 413]),
    ] {
        for (size, status) in SIZES.into_iter().zip(statuses) {
            told(listener, path, Some(key), &[size], &[status; 2]).await;
        }
    }
}

async fn both_are_told(listener: SocketAddr, path: &str, key: Option<&str>, status: u16) {
    told(listener, path, key, &SIZES, &[status; 2 * SIZES.len()]).await;
}

async fn told(listener: SocketAddr, path: &str, key: Option<&str>, sizes: &[usize], statuses: &[u16]) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/early");
    for (program, script) in [("node", "fetch.mjs"), ("python3", "http_client.py")] {
        let mut command = Command::new(program);
        command
            .arg(folder.join(script))
            .arg(format!("http://{listener}{path}"))
            .args(sizes.iter().map(ToString::to_string))
            .env("KEYLEDGER_KEY", key.unwrap_or_default())
            .env_remove("HTTP_PROXY")
            .env_remove("http_proxy")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = within(script, BOUND, command.output()).await.expect("the client runs");
        let told: Vec<u16> =
            String::from_utf8_lossy(&output.stdout).lines().filter_map(|line| line.parse().ok()).collect();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(told, statuses, "{script} at {path} with {sizes:?} bytes: {errors}");
    }
}
