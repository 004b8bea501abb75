//! An answer that is given before its request's body was read.

use tokio::io::AsyncWriteExt;

use super::client::Connection;
use super::*;

/// As the bytes of one request. `headers` end in CRLF.
fn with_length(path: &str, headers: &str, bytes: usize) -> (String, String) {
    let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {bytes}\r\n\r\n");
    (head, "x".repeat(bytes))
}

fn chunked(path: &str, headers: &str, bytes: usize) -> (String, String) {
    let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\n{headers}Transfer-Encoding: chunked\r\n\r\n");
    let chunk = "x".repeat(10_000);
    let mut body = format!("{:x}\r\n{chunk}\r\n", chunk.len()).repeat(bytes / chunk.len());
    body += "0\r\n\r\n";
    (head, body)
}

type Framed = fn(&str, &str, usize) -> (String, String);
const FRAMINGS: [Framed; 2] = [with_length, chunked];

async fn goes_on(connection: &mut Connection) {
    let (head, body) = with_length("/", "", 10);
    connection.write(&(head + &body)).await;
    assert_eq!(connection.reply().await.body, "10 bytes");
}

#[tokio::test]
async fn its_connection_serves_the_next_request_when_little_was_left() {
    let open = Open::start();
    for framed in FRAMINGS {
        for path in ["/early", "/some"] {
            for bytes in [10_000, 200_000] {
                let mut connection = Connection::open(open.address).await;
                for pause in [None, Some(5), None, Some(30)] {
                    let (head, body) = framed(path, "", bytes);
                    match pause {
                        None => connection.write(&(head + &body)).await,
                        // The body is behind its head.
                        Some(pause) => {
                            connection.write(&head).await;
                            tokio::time::sleep(Duration::from_millis(pause)).await;
                            connection.write(&body).await;
                        }
                    }
                    let reply = connection.reply().await;
                    assert!([401, 413].contains(&reply.status), "{reply:?}");
                    assert_eq!(reply.header("connection"), None);
                    goes_on(&mut connection).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_body_that_can_not_be_read_ends_its_connection_and_the_answer_says_so() {
    let open = Open::start();
    for body in ["zz\r\nxxx\r\n0\r\n\r\n", "3\r\nxxxxx\r\n0\r\n\r\n"] {
        let mut connection = Connection::open(open.address).await;
        let head = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
        connection.write(&format!("{head}{body}")).await;
        let reply = connection.reply().await;
        assert_eq!((reply.status, reply.header("connection")), (400, Some("close")), "{body:?}");
        assert_eq!(connection.end().await, "");
    }
}

#[tokio::test]
async fn pipelined_requests_behind_it_are_answered() {
    let open = Open::start();
    let mut connection = Connection::open(open.address).await;
    let (head, body) = chunked("/early", "", 50_000);
    let (next, next_body) = with_length("/", "", 7);
    connection.write(&format!("{head}{body}{next}{next_body}")).await;
    assert_eq!(connection.reply().await.status, 401);
    assert_eq!(connection.reply().await.body, "7 bytes");
}

#[tokio::test]
async fn it_is_read_by_who_first_sends_all_of_a_long_body() {
    let open = Open::start();
    for framed in FRAMINGS {
        for path in ["/early", "/some"] {
            for bytes in [1_000_000, 32_000_000] {
                let mut connection = Connection::open(open.address).await;
                let (head, body) = framed(path, "", bytes);
                // Writing would fail on a connection that was reset.
                connection.write(&(head + &body)).await;
                let reply = connection.reply().await;
                assert!([401, 413].contains(&reply.status), "{reply:?}");
                assert_eq!(reply.header("connection"), Some("close"));
                assert_eq!(connection.end().await, "");
            }
        }
    }
}

#[tokio::test]
async fn it_comes_while_the_body_is_still_awaited() {
    let open = Open::start();
    for framed in FRAMINGS {
        let mut connection = Connection::open(open.address).await;
        let (head, body) = framed("/early", "", 100_000);
        connection.write(&head).await;
        let (some, rest) = body.split_at(1_000);
        connection.write(some).await;
        let reply = connection.reply().await;
        assert_eq!((reply.status, reply.header("connection")), (401, Some("close")));
        connection.write(rest).await;
        assert_eq!(connection.end().await, "");
    }
}

#[tokio::test]
async fn nobody_is_asked_for_a_body_that_is_not_wanted() {
    let open = Open::start();
    for framed in FRAMINGS {
        let mut connection = Connection::open(open.address).await;
        let (head, body) = framed("/early", "Expect: 100-continue\r\n", 100_000);
        connection.write(&head).await;
        let reply = connection.reply().await;
        assert_eq!((reply.status, reply.header("connection")), (401, Some("close")));
        // Who sends it all the same meets no broken pipe.
        connection.write(&body).await;
        assert_eq!(connection.end().await, "");

        let mut connection = Connection::open(open.address).await;
        let (head, body) = framed("/some", "Expect: 100-continue\r\n", 100_000);
        connection.write(&head).await;
        assert_eq!(connection.head().await.status, 100);
        connection.write(&body).await;
        assert_eq!(connection.reply().await.status, 413);
        goes_on(&mut connection).await;
    }
}

#[tokio::test]
async fn it_reaches_clients_of_http_1_0() {
    let open = Open::start();
    for (bytes, keep_alive, goes_on) in
        [(10_000, true, true), (10_000, false, false), (8_000_000, true, false)]
    {
        let mut connection = Connection::open(open.address).await;
        let (head, body) =
            with_length("/early", if keep_alive { "Connection: keep-alive\r\n" } else { "" }, bytes);
        let request = head.replace("HTTP/1.1", "HTTP/1.0") + &body;
        connection.write(&request).await;
        assert_eq!(connection.reply().await.status, 401);
        if goes_on {
            connection.write(&request).await;
            assert_eq!(connection.reply().await.status, 401);
        } else {
            assert_eq!(connection.end().await, "");
        }
    }
}

#[tokio::test]
async fn a_head_that_can_not_be_read_is_answered_as_well() {
    let open = Open::start();
    let long = format!("X-Long: {}\r\n", "a".repeat(100_000));
    for (headers, status) in [("Content-Length: 1, 2\r\n", 400), (long.as_str(), 431)] {
        let mut connection = Connection::open(open.address).await;
        let body = "x".repeat(1_000_000);
        connection.write(&format!("POST /early HTTP/1.1\r\nHost: x\r\n{headers}\r\n{body}")).await;
        assert_eq!(connection.reply().await.status, status);
        assert_eq!(connection.end().await, "");
    }
}

#[tokio::test]
async fn who_sends_without_end_is_cut_off() {
    let open = Open::start();
    let mut connection = Connection::open(open.address).await;
    connection.write("POST /early HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    let chunk = format!("{:x}\r\n{}\r\n", 1 << 20, "x".repeat(1 << 20));
    let mut sent = 0;
    while connection.stream.write_all(chunk.as_bytes()).await.is_ok() {
        sent += 1;
        assert!(sent < 512, "the connection takes whatever comes");
    }
    assert!(sent > 32, "cut off after {sent} MiB");
}
