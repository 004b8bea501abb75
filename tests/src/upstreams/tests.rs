use std::time::Duration;

use serde_json::json;

use super::*;
use crate::wire::Ask;

const BOUND: Duration = Duration::from_secs(5);

fn call(tool: &str, arguments: &Value) -> Ask {
    let params = json!({"name": tool, "arguments": arguments, "_meta": {"progressToken": 7}});
    Ask::post("/mcp", &json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}))
}

#[tokio::test]
async fn the_server_answers_and_keeps_what_it_received() {
    let upstream = Upstream::start(McpServer::default()).await;
    let answer = call("echo", &json!({"text": "hi"})).header("X-Seen", "yes").send(upstream.address).await;
    assert_eq!(answer.message()["result"]["content"][0]["text"], "hi");
    let received = upstream.calls("tools/call");
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].header("x-seen"), Some("yes"));
}

#[tokio::test]
async fn frames_are_read_as_they_are_sent() {
    let every = Duration::from_millis(300);
    let upstream = Upstream::start(McpServer::every(every)).await;
    let mut open = call("count", &json!({"to": 2})).open(upstream.address).await;
    let first = open.frame(BOUND).await.unwrap();
    assert_eq!(first.id.as_deref(), Some("event-1"));
    assert_eq!(first.json()["params"]["progressToken"], 7);
    let rest = open.to_end(BOUND).await;
    assert_eq!(rest.len(), 2);
    assert_eq!(rest[1].json()["result"]["content"][0]["text"], "done");
}

#[tokio::test]
async fn a_hanging_upstream_notices_that_the_caller_left() {
    let upstream = Upstream::start(Hanging).await;
    let ask = Ask::get("/mcp");
    let left = tokio::time::timeout(Duration::from_millis(100), ask.open(upstream.address)).await;
    assert!(left.is_err());
    assert_eq!(upstream.received().len(), 1);
}
