//! Asks the node that `dev` runs, as any client would: the admin API, and MCP calls through the gateway.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// An answer must be whole within this.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
const MOST_BYTES: usize = 1024 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("{what} can't be asked: {problem}")]
    Unreachable { what: String, problem: String },
    #[error("{what} was answered with {status}: {detail}")]
    Refused { what: String, status: StatusCode, detail: String },
    #[error("{what} was answered without {member}")]
    Lacks { what: String, member: &'static str },
}

#[derive(Debug, Clone)]
pub struct Client {
    http: HyperClient<HttpConnector, Full<Bytes>>,
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    /// The last JSON document, of an event stream the last event's; `null` when there is none.
    pub body: Value,
    what: String,
}

impl Client {
    pub fn new() -> Self {
        Self { http: HyperClient::builder(TokioExecutor::new()).build_http() }
    }

    /// Asks the admin API.
    pub async fn admin(
        &self,
        method: Method,
        at: SocketAddr,
        path: &str,
        key: &str,
        body: Option<Value>,
    ) -> Result<Answer, ClientError> {
        let request = Request::builder()
            .method(method.clone())
            .uri(format!("http://{at}{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {key}"))
            .header(header::CONTENT_TYPE, "application/json");
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        self.send(format!("{method} {path}"), request.body(Full::from(body))).await
    }

    /// Calls a tool through the gateway, in the stateless revision.
    pub async fn call(
        &self,
        url: &str,
        key: &str,
        tool: &str,
        arguments: Value,
    ) -> Result<Answer, ClientError> {
        let request = CALL_HEADERS.iter().fold(
            Request::builder()
                .method(Method::POST)
                .uri(url)
                .header(header::AUTHORIZATION, format!("Bearer {key}"))
                .header("mcp-name", tool),
            |request, (name, value)| request.header(*name, *value),
        );
        let body = call(tool, &arguments);
        self.send(format!("the call of {tool}"), request.body(Full::from(body))).await
    }

    /// Whether a process says at its metrics listener that it is ready.
    pub async fn is_ready(&self, metrics: SocketAddr) -> bool {
        let request = Request::get(format!("http://{metrics}/readyz")).body(Full::default());
        let answer = self.send("/readyz".to_owned(), request).await;
        answer.is_ok_and(|answer| answer.status == StatusCode::OK)
    }

    async fn send(
        &self,
        what: String,
        request: http::Result<Request<Full<Bytes>>>,
    ) -> Result<Answer, ClientError> {
        let unreachable = |problem: String| ClientError::Unreachable { what: what.clone(), problem };
        let request = request.map_err(|error| unreachable(error.to_string()))?;
        let asking = async {
            let response = self.http.request(request).await.map_err(|error| unreachable(whole(&error)))?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, MOST_BYTES).collect().await;
            let body = body.map_err(|error| unreachable(error.to_string()))?.to_bytes();
            Ok((parts.status, last_document(&String::from_utf8_lossy(&body))))
        };
        let answered = tokio::time::timeout(ANSWER_WITHIN, asking).await;
        let (status, body) = answered.map_err(|_| unreachable("no answer in time".to_owned()))??;
        Ok(Answer { status, body, what })
    }
}

/// Headers of a call, beside `Authorization` and `Mcp-Name`.
pub const CALL_HEADERS: &[(&str, &str)] = &[
    ("Content-Type", "application/json"),
    ("Accept", "application/json, text/event-stream"),
    ("MCP-Protocol-Version", REVISION),
    ("Mcp-Method", "tools/call"),
];

const REVISION: &str = "2026-07-28";

/// The body of a call. Its order is that of the protocol's examples, since people read it.
pub fn call(tool: &str, arguments: &Value) -> String {
    let tool = Value::from(tool);
    format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":{tool},"arguments":{arguments},"_meta":{{"io.modelcontextprotocol/protocolVersion":"{REVISION}","io.modelcontextprotocol/clientCapabilities":{{}}}}}}}}"#
    )
}

impl Answer {
    /// What was answered, if it is what was asked for.
    pub fn succeeded(self) -> Result<Self, ClientError> {
        if self.status.is_success() {
            return Ok(self);
        }
        let Self { status, body, what } = self;
        let said = body.get("detail").or_else(|| body.pointer("/error/message")).and_then(Value::as_str);
        Err(ClientError::Refused { what, status, detail: said.unwrap_or("no reason was told").to_owned() })
    }

    pub fn text(&self, member: &'static str) -> Result<String, ClientError> {
        let found = self.body.get(member).and_then(Value::as_str).map(str::to_owned);
        found.ok_or_else(|| ClientError::Lacks { what: self.what.clone(), member })
    }

    /// The text that a tool answered.
    pub fn tool_text(&self) -> Result<&str, ClientError> {
        let found = self.body.pointer("/result/content/0/text").and_then(Value::as_str);
        found.ok_or_else(|| ClientError::Lacks { what: self.what.clone(), member: "result.content[0].text" })
    }
}

/// An error with what caused it, which its own words leave out.
fn whole(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// A JSON body, or the last event of an event stream (one `data:` line each, as MCP servers send them).
fn last_document(body: &str) -> Value {
    if let Ok(whole) = serde_json::from_str(body) {
        return whole;
    }
    let data = body.lines().rev().filter_map(|line| line.strip_prefix("data:"));
    data.filter_map(|data| serde_json::from_str(data.trim()).ok()).next().unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_call_is_json_whatever_the_tool_is_called() {
        let body: Value = serde_json::from_str(&call("a\"b", &json!({ "text": "c\"d" }))).unwrap();
        assert_eq!(body["params"]["name"], "a\"b");
        assert_eq!(body["params"]["arguments"]["text"], "c\"d");
    }

    #[test]
    fn the_answer_is_the_json_body_or_the_streams_last_event() {
        assert_eq!(last_document(r#"{"a":1}"#), json!({"a": 1}));
        assert_eq!(last_document("{\n  \"a\": 1\n}\n"), json!({"a": 1}));
        let stream = "data: {\"progress\":1}\n\n: still here\n\nid: 2\ndata:{\"a\":1}\n\n";
        assert_eq!(last_document(stream), json!({"a": 1}));
        assert_eq!(last_document("<html>"), Value::Null);
        assert_eq!(last_document(""), Value::Null);
    }

    #[test]
    fn a_refusal_tells_the_reason_in_either_form() {
        let refused = |body| Answer { status: StatusCode::FORBIDDEN, body, what: "x".into() }.succeeded();
        for body in [json!({"detail": "because"}), json!({"error": {"message": "because"}})] {
            assert!(refused(body).unwrap_err().to_string().contains("because"));
        }
    }
}
