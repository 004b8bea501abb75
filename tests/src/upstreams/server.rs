//! A small MCP server of both eras, written for what the tests look at and not for MCP's sake: sessions with
//! ids of its own, a tool that streams progress, a GET stream, resumption.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{After, Behave, Received, Reply};

/// It answers `tools/list` and the tools `echo` (its `text`) and `count` (progress `to` times, each `every`),
/// and keeps GET streams open with a message each `every`.
#[derive(Debug)]
pub struct McpServer {
    pub every: Duration,
    /// What it does with a connection once it has answered.
    pub after: After,
    /// Headers that it puts on every answer.
    pub headers: Vec<(&'static str, &'static str)>,
    sessions: AtomicUsize,
}

impl Default for McpServer {
    fn default() -> Self {
        Self {
            every: Duration::from_millis(200),
            after: After::Keep,
            headers: Vec::new(),
            sessions: AtomicUsize::new(0),
        }
    }
}

#[async_trait]
impl Behave for McpServer {
    async fn answer(&self, call: &Received, reply: &mut Reply) -> After {
        match call.method.as_str() {
            "GET" => self.listen(call, reply).await,
            "DELETE" => reply.whole(204, &self.headers, b"").await,
            _ => self.post(call, reply).await,
        }
        self.after
    }
}

impl McpServer {
    pub fn every(every: Duration) -> Self {
        Self { every, ..Self::default() }
    }

    pub fn after(after: After) -> Self {
        Self { after, ..Self::default() }
    }

    pub fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    async fn post(&self, call: &Received, reply: &mut Reply) {
        let message = call.message();
        if message["id"].is_null() {
            return reply.whole(202, &self.headers, b"").await;
        }
        let text = |value: &str| json!({"content": [{"type": "text", "text": value}], "isError": false});
        let arguments = &message["params"]["arguments"];
        match (message["method"].as_str(), message["params"]["name"].as_str()) {
            (Some("initialize"), _) => self.initialize(&message, reply).await,
            (Some("tools/list"), _) => self.result(&message, tools(), reply).await,
            (Some("tools/call"), Some("count")) => self.count(&message, reply).await,
            (Some("tools/call"), Some(_)) => {
                let said = arguments["text"].as_str().unwrap_or("called").to_owned();
                self.result(&message, text(&said), reply).await;
            }
            (Some("ping"), _) => self.result(&message, json!({}), reply).await,
            _ => self.unknown(&message, reply).await,
        }
    }

    async fn initialize(&self, message: &Value, reply: &mut Reply) {
        let id = format!("upstream-session-{}", self.sessions.fetch_add(1, Ordering::Relaxed));
        let result = json!({
            "protocolVersion": message["params"]["protocolVersion"],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "test upstream", "version": "1"},
        });
        let mut headers = vec![("Mcp-Session-Id", id.as_str())];
        headers.extend_from_slice(&self.headers);
        reply.json(200, &headers, &json!({"jsonrpc": "2.0", "id": message["id"], "result": result})).await;
    }

    async fn result(&self, message: &Value, result: Value, reply: &mut Reply) {
        let body = json!({"jsonrpc": "2.0", "id": message["id"], "result": result});
        reply.json(200, &self.headers, &body).await;
    }

    async fn unknown(&self, message: &Value, reply: &mut Reply) {
        let error = json!({"code": -32601, "message": "Method not found"});
        let body = json!({"jsonrpc": "2.0", "id": message["id"], "error": error});
        // The later era says it in the status as well.
        let modern = message["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"].is_string();
        reply.json(if modern { 404 } else { 200 }, &self.headers, &body).await;
    }

    async fn count(&self, message: &Value, reply: &mut Reply) {
        let token = &message["params"]["_meta"]["progressToken"];
        let to = message["params"]["arguments"]["to"].as_u64().unwrap_or(3);
        reply.stream(&self.headers).await;
        for step in 1..=to {
            let params = json!({"progressToken": token, "progress": step, "total": to});
            let event = json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params});
            if !reply.event(Some(&format!("event-{step}")), &event).await {
                return;
            }
            tokio::time::sleep(self.every).await;
        }
        let result = json!({"content": [{"type": "text", "text": "done"}], "isError": false});
        reply.event(None, &json!({"jsonrpc": "2.0", "id": message["id"], "result": result})).await;
        reply.end().await;
    }

    async fn listen(&self, call: &Received, reply: &mut Reply) {
        reply.stream(&self.headers).await;
        // A resumed stream says from where, so that a test sees that the id came through.
        let from = call.header("last-event-id").unwrap_or("the beginning");
        let params = json!({"level": "info", "data": from});
        let event = json!({"jsonrpc": "2.0", "method": "notifications/message", "params": params});
        while reply.event(Some("listen-1"), &event).await {
            tokio::time::sleep(self.every).await;
        }
    }
}

fn tools() -> Value {
    let schema = json!({"type": "object"});
    let tool = |name: &str| json!({"name": name, "inputSchema": schema});
    json!({"tools": [tool("echo"), tool("count")]})
}
