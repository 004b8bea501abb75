use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use super::offer::NOTE;
use super::*;

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    messages: Vec<Value>,
}

impl Answer {
    fn result(&self) -> &Value {
        &self.messages.last().unwrap()["result"]
    }
}

async fn start() -> Demo {
    Demo::start("127.0.0.1:0".parse().unwrap()).await.unwrap()
}

async fn post(demo: &Demo, headers: &[(&str, &str)], body: Value) -> Answer {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(demo.url())
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let response = client.request(request.body(Full::from(body.to_string())).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    let lines = text.lines().map(|line| line.strip_prefix("data:").unwrap_or(line).trim());
    let messages = lines.filter_map(|line| serde_json::from_str(line).ok()).collect();
    Answer { status: parts.status, headers: parts.headers, messages }
}

/// A call of the stateless revision.
async fn call(
    demo: &Demo,
    method: &str,
    name: Option<&str>,
    mut params: Value,
    more: &[(&str, &str)],
) -> Answer {
    params["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({});
    params["_meta"]["io.modelcontextprotocol/clientInfo"] = json!({"name": "test", "version": "1"});
    let mut headers = vec![("mcp-protocol-version", "2026-07-28"), ("mcp-method", method)];
    headers.extend(name.map(|name| ("mcp-name", name)));
    headers.extend(more);
    post(demo, &headers, json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})).await
}

fn text(answer: &Answer) -> &str {
    answer.result()["content"][0]["text"].as_str().unwrap()
}

#[tokio::test]
async fn the_stateless_revision_needs_no_session() {
    let demo = start().await;
    let answer =
        call(&demo, "tools/call", Some("add"), json!({"name": "add", "arguments": {"a": 2, "b": 3}}), &[])
            .await;
    assert_eq!((answer.status, text(&answer)), (StatusCode::OK, "5"));
    assert!(!answer.headers.contains_key("mcp-session-id"));
}

#[tokio::test]
async fn the_older_revisions_have_sessions() {
    let demo = start().await;
    for version in ["2025-11-25", "2025-06-18"] {
        let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}});
        let answer = post(&demo, &[], hello).await;
        assert_eq!(answer.result()["protocolVersion"], version);
        let session = answer.headers["mcp-session-id"].to_str().unwrap().to_owned();
        let headers = [("mcp-session-id", session.as_str()), ("mcp-protocol-version", version)];
        let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        assert_eq!(post(&demo, &headers, ready).await.status, StatusCode::ACCEPTED);
        let echo = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call",
            "params": {"name": "echo", "arguments": {"text": "hello"}}});
        assert_eq!(text(&post(&demo, &headers, echo).await), "hello");
    }
}

#[tokio::test]
async fn a_slow_tool_tells_its_progress() {
    let demo = start().await;
    let params =
        json!({"name": "count", "arguments": {"to": 3, "delay_ms": 1}, "_meta": {"progressToken": "p"}});
    let answer = call(&demo, "tools/call", Some("count"), params, &[]).await;
    let told: Vec<_> = answer
        .messages
        .iter()
        .filter(|message| message["method"] == "notifications/progress")
        .map(|message| (message["params"]["progressToken"].clone(), message["params"]["progress"].as_f64()))
        .collect();
    assert_eq!(told, [1.0, 2.0, 3.0].map(|number| (json!("p"), Some(number))));
    assert_eq!(text(&answer), "counted to 3");
}

#[tokio::test]
async fn it_tells_whom_the_token_names() {
    let demo = start().await;
    let whoami = || json!({"name": "whoami", "arguments": {}});
    let token = format!("Bearer e30.{}.c2ln", URL_SAFE_NO_PAD.encode(r#"{"sub":"organization:1"}"#));
    let answer = call(&demo, "tools/call", Some("whoami"), whoami(), &[("authorization", &token)]).await;
    assert!(text(&answer).contains("organization:1"), "{}", text(&answer));
    let answer = call(&demo, "tools/call", Some("whoami"), whoami(), &[("authorization", "Bearer x")]).await;
    assert_eq!(text(&answer), "nobody said who is calling");
}

#[tokio::test]
async fn it_has_a_prompt_and_a_resource() {
    let demo = start().await;
    let params = json!({"name": "greet", "arguments": {"name": "Ada"}});
    let answer = call(&demo, "prompts/get", Some("greet"), params, &[]).await;
    assert!(answer.result()["messages"][0]["content"]["text"].as_str().unwrap().contains("Ada"));
    let answer = call(&demo, "resources/read", Some(NOTE), json!({"uri": NOTE}), &[]).await;
    assert_eq!(answer.result()["contents"][0]["uri"], NOTE);
    let lists =
        [("tools/list", "tools", 4), ("prompts/list", "prompts", 1), ("resources/list", "resources", 1)];
    for (method, member, length) in lists {
        let answer = call(&demo, method, None, json!({}), &[]).await;
        assert_eq!(answer.result()[member].as_array().map(Vec::len), Some(length), "{method}");
    }
}

#[tokio::test]
async fn a_stopped_one_listens_no_more() {
    let demo = start().await;
    let address = demo.address();
    demo.stop().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
