//! Nobody behind the gateway can be told another story than the one that was authorized: headers that
//! disagree with the body, members that stand twice, framings that two parsers read differently, bodies
//! beyond the bound are refused, and the upstream hears of none.

use keyledger_tests::mcp::{STATELESS, call, meta, request, stateless_call};
use keyledger_tests::spine::{Ready, Spine};
use keyledger_tests::upstreams::{McpServer, Upstream};
use keyledger_tests::wire::{Answer, Ask, send_raw};
use serde_json::json;

/// MCP 2026-07-28, "Streamable HTTP": a header that the body contradicts.
const HEADER_MISMATCH: i64 = -32020;

async fn narrow() -> (Spine, Upstream, Ready) {
    let spine = Spine::start().await;
    let upstream = Upstream::start(McpServer::default()).await;
    let mut ready = spine.ready(&upstream).await;
    ready.key = spine.key(&ready.organization, &["mcp:tools:tools:echo"]).await;
    call(&ready.path, "echo", &json!({})).bearer(&ready.key.secret).send(spine.public).await.expect(200);
    (spine, upstream, ready)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_that_disagree_with_the_body_are_refused() {
    let (spine, upstream, ready) = narrow().await;
    let good = stateless_call(&ready.path, "echo", &json!({"text": "hi"})).bearer(&ready.key.secret);
    good.send(spine.public).await.expect(200);
    let before = upstream.received().len();
    let other = |name: &str, value: &str| good.clone().without(name).header(name, value);
    for (what, ask) in [
        ("another method", other("Mcp-Method", "tools/list")),
        ("another name", other("Mcp-Name", "count")),
        ("another version", other("MCP-Protocol-Version", "2026-12-01")),
        ("an older version", other("MCP-Protocol-Version", "2025-11-25")),
        ("no method", good.clone().without("Mcp-Method")),
        ("no name", good.clone().without("Mcp-Name")),
        ("no version", good.clone().without("MCP-Protocol-Version")),
        ("the name twice", good.clone().header("Mcp-Name", "count")),
        ("the method twice", good.clone().header("Mcp-Method", "tools/call")),
    ] {
        let answer = ask.send(spine.public).await;
        let code = answer.json()["error"]["code"].as_i64();
        assert_eq!((answer.status, code), (400, Some(HEADER_MISMATCH)), "{what}: {}", answer.text());
    }
    // The header names a tool that the key is good for; the body calls another.
    let sneaky = request("tools/call", &json!({"name": "count", "arguments": {}, "_meta": meta()}));
    let ask = Ask::post(&ready.path, &sneaky)
        .bearer(&ready.key.secret)
        .header("MCP-Protocol-Version", STATELESS)
        .header("Mcp-Method", "tools/call")
        .header("Mcp-Name", "echo");
    assert!(matches!(ask.send(spine.public).await.status, 400 | 403));
    assert_eq!(upstream.received().len(), before, "the upstream heard of none of them");

    // A name that a header can't hold comes encoded, and agrees.
    let encoded = other("Mcp-Name", "=?base64?ZWNobw==?=");
    encoded.send(spine.public).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_that_stand_twice_are_refused() {
    let (spine, upstream, ready) = narrow().await;
    let before = upstream.received().len();
    for body in [
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call","params":{"name":"echo"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","name":"count"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","na\u006de":"count"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"},"params":{"name":"count"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"tools/call","params":{"name":"echo"}}"#,
    ] {
        refused(&post(&spine, &ready, body).await, 400, body);
    }
    assert_eq!(upstream.received().len(), before, "the upstream heard of none of them");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_single_message_is_refused() {
    let (spine, upstream, ready) = narrow().await;
    let before = upstream.received().len();
    let one = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"}}"#;
    for body in [
        format!("[{one}]"),
        format!("{one}{one}"),
        one.replace("\"2.0\"", "\"1.0\""),
        "{}".to_owned(),
        String::new(),
        one[..one.len() - 1].to_owned(),
        one.replace("echo", "\u{0}"),
    ] {
        refused(&post(&spine, &ready, &body).await, 400, &body);
    }
    let encoded = plain(&ready, one).header("Content-Encoding", "gzip").send(spine.public).await;
    assert!(matches!(encoded.status, 400 | 415), "{encoded:?}");
    assert_eq!(upstream.received().len(), before, "the upstream heard of none of them");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_oversized_body_is_refused() {
    let (spine, upstream, ready) = narrow().await;
    let before = upstream.received().len();
    let most = spine.config.mcp.max_body_bytes;
    let text = "x".repeat(most);
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "echo", "arguments": {"text": text}}});
    let ask = plain(&ready, &body.to_string());
    refused(&ask.send(spine.public).await, 413, "declared");

    // The same without a length: counted as it comes.
    let mut chunked = ask.clone().header("Transfer-Encoding", "chunked");
    chunked.body = format!("{:x}\r\n", ask.body.len()).into_bytes();
    chunked.body.extend_from_slice(&ask.body);
    chunked.body.extend_from_slice(b"\r\n0\r\n\r\n");
    refused(&chunked.send(spine.public).await, 413, "chunked");
    assert_eq!(upstream.received().len(), before, "the upstream heard of neither");

    // One just within the bound passes.
    let fits = "x".repeat(most - 200);
    call(&ready.path, "echo", &json!({"text": fits}))
        .bearer(&ready.key.secret)
        .send(spine.public)
        .await
        .expect(200);
}

/// RFC 9112 §6.3: Transfer-Encoding rules over Content-Length; who passes such a request on must send one
/// framing. Whatever the answer is, the upstream sees one request with one length.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_framings_never_reach_the_upstream() {
    let (spine, upstream, ready) = narrow().await;
    let before = upstream.received().len();
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"}}"#;
    let raw = format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n\
         {:x}\r\n{body}\r\n0\r\n\r\n",
        ready.path,
        spine.public,
        ready.key.secret,
        body.len()
    );
    let answer = send_raw(spine.public, raw.as_bytes()).await;
    assert!(matches!(answer.status, 200 | 400), "{answer:?}");
    for call in &upstream.received()[before..] {
        let length = call.header("content-length").map(|value| value.parse::<usize>().unwrap());
        let chunked = call.header("transfer-encoding").is_some();
        assert!(length.is_none() || !chunked, "two framings: {:?}", call.headers);
        assert_eq!(call.body, body.as_bytes());
    }
}

/// No client path or query passes on, and paths that two parsers read differently are no paths of ours.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_address_itself_is_an_address() {
    let (spine, upstream, ready) = narrow().await;
    let before = upstream.received().len();
    let key = &ready.key.secret;
    for path in [
        ready.path.replace("/tools", "%2ftools"),
        ready.path.replace("/tools", "/../acme/tools"),
        ready.path.replace("/tools", "/./tools"),
        ready.path.replace("/mcp", "//mcp"),
        format!("{}/extra", ready.path),
    ] {
        let answer = call(&path, "echo", &json!({})).bearer(key).send(spine.public).await;
        assert!(matches!(answer.status, 400 | 404), "{path}: {answer:?}");
    }
    assert_eq!(upstream.received().len(), before);

    // One slash at the end is the address still: OAuth clients write it so.
    let slash = call(&format!("{}/", ready.path), "echo", &json!({})).bearer(key).send(spine.public).await;
    slash.expect(200);
    assert_eq!(upstream.received().last().map(|call| call.target.clone()).as_deref(), Some("/mcp"));
    call(&format!("{}//", ready.path), "echo", &json!({})).bearer(key).send(spine.public).await.expect(400);
    let before = upstream.received().len();

    let asked = call(&format!("{}?x=1", ready.path), "echo", &json!({})).bearer(key).send(spine.public).await;
    for call in &upstream.received()[before..] {
        assert_eq!(call.target, "/mcp", "the query passed on: {asked:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_origin_is_refused_and_ours_may_read_the_answer() {
    let (spine, upstream, ready) = narrow().await;
    let good = call(&ready.path, "echo", &json!({})).bearer(&ready.key.secret);
    let before = upstream.received().len();
    let foreign = good.clone().header("Origin", "https://evil.example").send(spine.public).await;
    assert_eq!(foreign.status, 403, "{foreign:?}");
    assert_eq!(foreign.header("access-control-allow-origin"), None);
    assert_eq!(upstream.received().len(), before);

    let ours = spine.config.public_url.origin().ascii_serialization();
    let answer = good.clone().header("Origin", &ours).send(spine.public).await.expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), Some(ours.as_str()));

    // Browsers ask first, without a key (Fetch §3.2), and must be able to read the refusal.
    let preflight = Ask::new("OPTIONS", &ready.path)
        .header("Origin", &ours)
        .header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", "authorization, mcp-session-id, mcp-protocol-version");
    let answer = preflight.send(spine.public).await;
    assert!(matches!(answer.status, 200 | 204), "{answer:?}");
    assert_eq!(answer.header("access-control-allow-origin"), Some(ours.as_str()));
    let refusal = good.without("Authorization").header("Origin", &ours).send(spine.public).await.expect(401);
    let exposed = refusal.header("access-control-expose-headers").unwrap_or_default().to_ascii_lowercase();
    assert!(exposed.contains("www-authenticate") && exposed.contains("mcp-session-id"), "{refusal:?}");
}

fn plain(ready: &Ready, body: &str) -> Ask {
    Ask::new("POST", &ready.path)
        .bearer(&ready.key.secret)
        .header("Content-Type", "application/json")
        .header("Accept", "application/json, text/event-stream")
        .body(body)
}

async fn post(spine: &Spine, ready: &Ready, body: &str) -> Answer {
    plain(ready, body).send(spine.public).await
}

fn refused(answer: &Answer, status: u16, what: &str) {
    assert_eq!(answer.status, status, "{what:.200}: {answer:?}");
    assert!(answer.json()["error"]["code"].is_i64(), "{what:.200}: {}", answer.text());
}
