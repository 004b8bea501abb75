use http_body_util::Full;

use super::super::found::{Found, Outcome};
use super::*;

const INITIALIZED: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-06-18","capabilities":{},
    "serverInfo":{"name":"docs","version":"1"}}}"#;
const DISCOVERED: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","capabilities":{},
    "supportedVersions":["2025-11-25","2026-07-28"]}}"#;

async fn answer(greeting: Greeting, status: u16, headers: &[(&str, &str)], body: &str) -> Found {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    let body = Full::new(Bytes::copy_from_slice(body.as_bytes())).map_err(|never| match never {});
    let answer = Answer::read(response.body(body).unwrap(), greeting).await.unwrap();
    Found::of(&answer, greeting).unwrap_or_else(|| Found::no_mcp(&answer))
}

async fn as_json(greeting: Greeting, body: &str) -> Found {
    answer(greeting, 200, &[("content-type", "application/json; charset=utf-8")], body).await
}

#[tokio::test]
async fn the_result_that_was_asked_for_is_an_answer_of_mcp() {
    for (greeting, body, version) in
        [(Greeting::Initialize, INITIALIZED, "2025-06-18"), (Greeting::Discover, DISCOVERED, "2026-07-28")]
    {
        let found = as_json(greeting, body).await;
        assert_eq!((found.outcome, found.protocol_version.as_deref()), (Outcome::Answers, Some(version)));
        let one_line: String = body.split('\n').map(str::trim).collect();
        let events = format!("id: 0\ndata:\n\nevent: message\r\ndata: {one_line}\r\n\r\n");
        let found = answer(greeting, 200, &[("content-type", "text/event-stream")], &events).await;
        assert_eq!(found.outcome, Outcome::Answers);
    }
}

#[tokio::test]
async fn what_the_schema_does_not_have_is_no_answer_of_mcp() {
    for (greeting, whole, part) in [
        (Greeting::Initialize, INITIALIZED, r#""protocolVersion":"2025-06-18","#),
        (Greeting::Initialize, INITIALIZED, r#""capabilities":{},"#),
        (Greeting::Initialize, INITIALIZED, r#""name":"docs","#),
        (Greeting::Initialize, INITIALIZED, r#","version":"1""#),
        (Greeting::Initialize, INITIALIZED, r#""jsonrpc":"2.0","#),
        (Greeting::Initialize, INITIALIZED, r#""id":1,"#),
        (Greeting::Discover, DISCOVERED, r#""capabilities":{},"#),
        (Greeting::Discover, DISCOVERED, r#","2026-07-28""#),
    ] {
        assert!(whole.contains(part));
        let found = as_json(greeting, &whole.replace(part, "")).await;
        assert_eq!((found.outcome, found.protocol_version), (Outcome::NoMcp, None), "without {part}");
    }
    let error = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}"#;
    for body in [error, r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, r#"{"status":"ok"}"#, "[]", "", "<h1>"] {
        assert_eq!(as_json(Greeting::Initialize, body).await.outcome, Outcome::NoMcp, "{body}");
    }
    // An answer to another greeting.
    assert_eq!(as_json(Greeting::Discover, INITIALIZED).await.outcome, Outcome::NoMcp);
}

#[tokio::test]
async fn what_would_not_pass_is_no_answer_however_well_it_reads() {
    const JSON: (&str, &str) = ("content-type", "application/json");
    type Case<'a> = (u16, &'a [(&'a str, &'a str)], Outcome);
    let cases: &[Case<'_>] = &[
        (200, &[("content-type", "text/html")], Outcome::NoMcp),
        (200, &[("content-type", "application/problem+json")], Outcome::NoMcp),
        (200, &[], Outcome::NoMcp),
        (500, &[JSON], Outcome::NoMcp),
        (200, &[JSON, ("content-encoding", "gzip")], Outcome::BadAnswer),
        (200, &[JSON, ("mcp-session-id", "a b")], Outcome::BadAnswer),
        (401, &[JSON], Outcome::WantsCredentials),
        (407, &[JSON], Outcome::WantsCredentials),
        (308, &[JSON, ("location", "/mcp/")], Outcome::Redirects),
    ];
    for (status, headers, outcome) in cases {
        let found = answer(Greeting::Initialize, *status, headers, INITIALIZED).await;
        assert_eq!((found.outcome, found.status), (*outcome, Some(*status)), "{headers:?}");
        assert_eq!(found.protocol_version, None);
    }
}

#[test]
fn an_answer_among_events_is_found_once_it_is_whole() {
    let stream = "event: message\ndata: {\"method\":\"x\"}\n\n: ping\n\nid: 7\ndata: {\"id\":1,\ndata: \"result\":{}}\n\n";
    for stream in [stream.to_owned(), stream.replace('\n', "\r\n"), stream.replace('\n', "\r")] {
        let (start, end) = stream.as_bytes().split_at(stream.len() - 2);
        let mut events = Events::default();
        for byte in start {
            assert_eq!(events.take(&[*byte]), None);
        }
        assert_eq!(events.take(end).unwrap()["result"], json!({}));
    }
}
